import { declareSettings, setting } from '../../settings/declare.ts';
import { boolean, duration, integer, oneOf } from '../../settings/values.ts';
import { AGENT_SETTINGS } from './settings.ts';

/** Settings of `kuma-dp doctor`, besides those of `run`. */
export const DOCTOR_SETTINGS = declareSettings({
  output: setting({
    key: 'doctor.output',
    flag: '--output',
    short: '-o',
    placeholder: 'format',
    doc: 'text or json.',
    value: oneOf('text', 'json')('text'),
  }),
  timeout: setting({
    key: 'doctor.timeout',
    flag: '--timeout',
    placeholder: 'duration',
    doc: 'How long each check may take; all of them run at once.',
    value: duration(10_000),
  }),
});

/** Settings of `kuma-dp logs`. */
export const LOGS_SETTINGS = declareSettings({
  runDir: { ...AGENT_SETTINGS.runDir, doc: 'Run directory the agents were started with.' },
  follow: setting({
    key: 'logs.follow',
    flag: '--follow',
    short: '-f',
    placeholder: '',
    doc: 'Go on with what comes, until the agent ends.',
    value: boolean(false),
  }),
  lines: setting({
    key: 'logs.lines',
    flag: '--lines',
    short: '-n',
    placeholder: 'n',
    doc: 'How many of the newest lines to begin with; an agent keeps up to 2000.',
    value: integer(200),
  }),
});
