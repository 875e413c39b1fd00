/** A setting of Kuma's agent that has no effect in this one yet. It is accepted, with one warning line when set. */
export interface IgnoredSetting {
  readonly flag?: string;
  readonly env?: string;
  readonly reason: string;
  /** The value that asks for what happens anyway; no warning then. */
  readonly harmless?: string;
}

const DNS = 'this agent serves no DNS yet';
const TRANSPARENT = 'transparent proxying is not supported yet; name the outbounds in the Dataplane';
const METRICS = 'the agent serves no metrics of applications yet';
const ONE_DIRECTORY = 'sockets are in the private directory below --run-dir';
const LOG_FILE = 'the log goes to standard output';

export const IGNORED_SETTINGS: readonly IgnoredSetting[] = [
  { flag: '--dns-enabled', env: 'KUMA_DNS_ENABLED', reason: DNS, harmless: 'false' },
  { env: 'KUMA_DNS_PROXY_PORT', reason: DNS, harmless: '0' },
  { flag: '--dns-coredns-port', env: 'KUMA_DNS_CORE_DNS_PORT', reason: DNS },
  { flag: '--dns-envoy-port', env: 'KUMA_DNS_ENVOY_DNS_PORT', reason: DNS },
  { flag: '--dns-coredns-path', env: 'KUMA_DNS_CORE_DNS_BINARY_PATH', reason: DNS },
  { flag: '--dns-coredns-config-template-path', env: 'KUMA_DNS_CORE_DNS_CONFIG_TEMPLATE_PATH', reason: DNS },
  { flag: '--dns-server-config-dir', env: 'KUMA_DNS_CONFIG_DIR', reason: DNS },
  { flag: '--dns-prometheus-port', env: 'KUMA_DNS_PROMETHEUS_PORT', reason: DNS },
  { flag: '--dns-enable-logging', env: 'KUMA_DNS_ENABLE_LOGGING', reason: DNS, harmless: 'false' },
  { flag: '--transparent-proxy', reason: TRANSPARENT, harmless: 'false' },
  { flag: '--transparent-proxy-config', reason: TRANSPARENT },
  {
    flag: '--bind-outbounds',
    env: 'KUMA_DATAPLANE_RUNTIME_BIND_OUTBOUNDS',
    reason: TRANSPARENT,
    harmless: 'false',
  },
  { flag: '--metrics-cert-path', env: 'KUMA_DATAPLANE_RUNTIME_METRICS_CERT_PATH', reason: METRICS },
  { flag: '--metrics-key-path', env: 'KUMA_DATAPLANE_RUNTIME_METRICS_KEY_PATH', reason: METRICS },
  { env: 'KUMA_DATAPLANE_RUNTIME_SOCKET_DIR', reason: ONE_DIRECTORY },
  { flag: '--log-output-path', reason: LOG_FILE },
  { flag: '--log-max-retained-files', reason: LOG_FILE },
  { flag: '--log-max-size', reason: LOG_FILE },
  { flag: '--log-max-age', reason: LOG_FILE },
  { env: 'KUMA_APPLICATION_PROBE_PROXY_PORT', reason: 'there is no probe proxy yet', harmless: '0' },
  { env: 'KUMA_DATAPLANE_RUNTIME_DYNAMIC_CONFIGURATION_REFRESH_INTERVAL', reason: 'nothing is polled' },
  {
    env: 'KUMA_DATAPLANE_RUNTIME_DYNAMIC_SYSTEM_CA_PATH',
    reason: 'the roots of the system are found by Node',
  },
  {
    env: 'KUMA_DATAPLANE_RUNTIME_UNIFIED_RESOURCE_NAMING_ENABLED',
    reason: 'unified resource naming is not supported yet',
    harmless: 'false',
  },
  { env: 'KUMA_DATAPLANE_RUNTIME_IPV6_ENABLED', reason: 'IPv6 is always announced', harmless: 'true' },
  { env: 'KUMA_DATAPLANE_RUNTIME_SPIRE_SUPPORTED', reason: 'SPIRE is not supported', harmless: 'false' },
  { env: 'KUMA_DATAPLANE_RUNTIME_SPIRE_SOCKET_PATH', reason: 'SPIRE is not supported' },
  {
    env: 'KUMA_DATAPLANE_RUNTIME_STRICT_INBOUND_PORTS_ENABLED',
    reason: 'inbound ports are always strict',
    harmless: 'true',
  },
  {
    env: 'KUMA_DATAPLANE_RUNTIME_OTEL_PIPE_ENABLED',
    reason: 'there is no OpenTelemetry receiver',
    harmless: 'false',
  },
  { env: 'KUMA_DATAPLANE_RUNTIME_REUSE_PORT_ENABLED', reason: 'ports are always reusable', harmless: 'true' },
];

/** One line for each ignored setting that is set to something else than what happens anyway. */
export function warnOfIgnored(
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return IGNORED_SETTINGS.flatMap(({ flag, env: variable, reason, harmless }) => {
    const byFlag = flag === undefined ? undefined : flags[flag];
    const byVariable = variable === undefined ? undefined : env[variable] || undefined;
    const value = byFlag ?? byVariable;
    if (value === undefined || value.toLowerCase() === harmless?.toLowerCase()) return [];
    return [`${byFlag === undefined ? variable : flag} has no effect: ${reason}`];
  });
}

const OURS = /^KUMA_(DATAPLANE|CONTROL_PLANE)_/;

/** One line for each variable with our prefixes that no setting knows: mostly a slip of the pen. */
export function warnOfUnknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): readonly string[] {
  const names = new Set([...known, ...IGNORED_SETTINGS.flatMap((s) => s.env ?? [])]);
  return Object.keys(env)
    .filter((name) => OURS.test(name) && !names.has(name))
    .sort()
    .map((name) => `${name} is not a setting of kuma-dp and has no effect`);
}
