import { declareSettings, setting } from '../../settings/declare.ts';
import { duration, integer, oneOf, text } from '../../settings/values.ts';

/** What is kept for a start without the control plane, and how the application is asked how it is. */
export const healthSettings = declareSettings({
  grace: setting({
    key: 'controlPlane.grace',
    env: ['KUMA_CONTROL_PLANE_GRACE'],
    flag: '--cp-grace',
    placeholder: 'duration',
    doc: 'How long a start waits for the control plane before it serves the last known good configuration, marked as stale.',
    value: duration(3_000),
  }),
  staleMaxAge: setting({
    key: 'dataplaneRuntime.staleMaxAge',
    env: ['KUMA_DATAPLANE_RUNTIME_STALE_MAX_AGE'],
    flag: '--stale-max-age',
    placeholder: 'duration',
    doc: 'Oldest configuration a start without the control plane may serve, counted from the last time the control plane confirmed it; 0s serves none. A running proxy is never stopped for its age. The default outlasts a weekend and is the time after which a control plane removes a proxy that is offline.',
    value: duration(72 * 3_600_000),
  }),
  stateDir: setting({
    key: 'dataplaneRuntime.stateDir',
    env: ['KUMA_DATAPLANE_RUNTIME_STATE_DIR'],
    flag: '--state-dir',
    placeholder: 'dir',
    doc: 'Directory that survives a reboot, where each proxy gets a private one for its last known good configuration. Without it: the STATE_DIRECTORY of systemd, else /var/lib/kuma-dp for root and the XDG state directory for others.',
    value: text(''),
  }),
  stateSecrets: setting({
    key: 'dataplaneRuntime.stateSecrets',
    env: ['KUMA_DATAPLANE_RUNTIME_STATE_SECRETS'],
    flag: '--state-secrets',
    placeholder: 'place',
    doc: 'Where private keys of the last known good configuration are kept: memory (a tmpfs below the run directory, lost in a reboot) or disk (the state directory).',
    value: oneOf('memory', 'disk')('memory'),
  }),
  appHealth: setting({
    key: 'dataplane.appHealth.check',
    env: ['KUMA_DATAPLANE_APP_HEALTH'],
    flag: '--app-health',
    placeholder: 'check',
    doc: 'How to see that the application is well: http://HOST:PORT/PATH (2xx and 3xx are), tcp://HOST:PORT, or exec:COMMAND ARGUMENTS (exit code 0 is; no shell). Until then the proxy is not ready, and peers are told when it changes.',
    value: text(''),
  }),
  appHealthInterval: setting({
    key: 'dataplane.appHealth.interval',
    env: ['KUMA_DATAPLANE_APP_HEALTH_INTERVAL'],
    flag: '--app-health-interval',
    placeholder: 'duration',
    doc: 'Pause between two checks of the application; shorter until the first success.',
    value: duration(2_000),
  }),
  appHealthTimeout: setting({
    key: 'dataplane.appHealth.timeout',
    env: ['KUMA_DATAPLANE_APP_HEALTH_TIMEOUT'],
    flag: '--app-health-timeout',
    placeholder: 'duration',
    doc: 'How long one check of the application may take; a command is killed then, with all it started.',
    value: duration(2_000),
  }),
  appHealthUnhealthyThreshold: setting({
    key: 'dataplane.appHealth.unhealthyThreshold',
    env: ['KUMA_DATAPLANE_APP_HEALTH_UNHEALTHY_THRESHOLD'],
    flag: '--app-health-unhealthy-threshold',
    placeholder: 'n',
    doc: 'Failures in a row until an application that was well counts as ill.',
    value: integer(3),
  }),
  appHealthHealthyThreshold: setting({
    key: 'dataplane.appHealth.healthyThreshold',
    env: ['KUMA_DATAPLANE_APP_HEALTH_HEALTHY_THRESHOLD'],
    flag: '--app-health-healthy-threshold',
    placeholder: 'n',
    doc: 'Successes in a row until an application that was ill counts as well again; at its start one is enough.',
    value: integer(1),
  }),
});
