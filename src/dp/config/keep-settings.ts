import { declareSettings, setting } from '../../settings/declare.ts';
import { boolean, text } from '../../settings/values.ts';

/** What becomes of Envoy when the agent is killed or upgraded. */
export const keepSettings = declareSettings({
  keepEnvoy: setting({
    key: 'dataplaneRuntime.keepEnvoy',
    env: ['KUMA_DATAPLANE_RUNTIME_KEEP_ENVOY'],
    flag: '--keep-envoy',
    placeholder: '',
    doc: 'Leave Envoy serving when the agent is killed, or ends by "kuma-dp detach"; the next agent of the same proxy and run directory adopts it. Without it Envoy dies with the agent. Not together with "-- COMMAND".',
    value: boolean(false),
  }),
  envoyLogDir: setting({
    key: 'dataplaneRuntime.envoyLogDir',
    env: ['KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_DIR'],
    flag: '--envoy-log-dir',
    placeholder: 'dir',
    doc: 'With --keep-envoy: where each proxy gets a private directory for the file its Envoy logs to, which the agent reads and empties. Without it: the state directory, else the run directory.',
    value: text(''),
  }),
});
