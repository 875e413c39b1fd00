import { declareSettings, setting } from '../../settings/declare.ts';
import { duration, oneOf } from '../../settings/values.ts';
import { AGENT_SETTINGS } from './settings.ts';

const runDir = { ...AGENT_SETTINGS.runDir, doc: 'Run directory the agents were started with.' };

/** Settings of `kuma-dp restart`, `drain` and `stop`. */
export const CONTROL_SETTINGS = declareSettings({
  runDir,
  timeout: setting({
    key: 'control.timeout',
    flag: '--timeout',
    placeholder: 'duration',
    doc: 'How long to wait for the end of it; the agent goes on all the same.',
    value: duration(120_000),
  }),
});

/** Settings of `kuma-dp status`. */
export const STATUS_SETTINGS = declareSettings({
  runDir,
  output: setting({
    key: 'status.output',
    flag: '--output',
    short: '-o',
    placeholder: 'format',
    doc: 'table or json.',
    value: oneOf('table', 'json')('table'),
  }),
});
