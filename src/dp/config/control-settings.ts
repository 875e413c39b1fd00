import { declareSettings, setting } from '../../settings/declare.ts';
import { duration, oneOf, optionalDuration } from '../../settings/values.ts';
import { AGENT_SETTINGS } from './settings.ts';

const runDir = { ...AGENT_SETTINGS.runDir, doc: 'Run directory the agents were started with.' };

/** Settings of `kuma-dp restart`, `drain`, `stop` and `detach`. */
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

/** What `kuma-dp stop` takes besides. */
export const STOP_SETTINGS = declareSettings({
  ...CONTROL_SETTINGS,
  drainTime: setting({
    key: 'control.drainTime',
    flag: '--drain-time',
    placeholder: 'duration',
    doc: 'Of an Envoy that was kept and has no agent: the longest time its connections have to end; else the one it was started with. An agent has its own.',
    value: optionalDuration,
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
