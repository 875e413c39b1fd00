/**
 * Exit codes of kuma-dp. The key of a code is also the code of the AgentError that leads to it, so that a script, a
 * log line and a test name the same thing.
 */
export const EXIT_CODES = {
  /** The agent was asked to stop and did, with Envoy reaped; or a one-shot command succeeded. */
  ok: 0,
  /** A defect or a fault nobody foresaw. */
  unexpected: 1,
  /** A flag, variable or file holds something unusable; nothing was started. */
  'settings-invalid': 2,
  /** No control plane answered until the retries were used up. */
  'control-plane-unreachable': 10,
  /** The control plane's certificate cannot be trusted, or has another name. Not retried. */
  'control-plane-untrusted': 11,
  /** The control plane does not know this Dataplane, and none was given. */
  'dataplane-not-found': 12,
  /** The control plane refused the bootstrap request. Not retried. */
  'bootstrap-rejected': 13,
  /** The control plane answered something that is no bootstrap. */
  'bootstrap-unusable': 14,
  /** No Envoy was found. */
  'envoy-not-found': 20,
  /** There is an Envoy but it cannot be run. */
  'envoy-unusable': 21,
  /** Envoy refuses the first bootstrap. */
  'envoy-config-invalid': 22,
  /** `kuma-dp envoy install` failed. */
  'envoy-install-failed': 23,
  /** Envoy was restarted as often as `--max-restarts` allows, without a healthy minute between. */
  'envoy-gave-up': 24,
  /** A port that was asked for is taken. */
  'port-taken': 30,
  /** Another agent runs for the same proxy in the same run directory. */
  'already-running': 31,
  /** The run directory cannot be used or is not safe to use. */
  'run-dir-unusable': 32,
  /** `kuma-dp wait`: the proxy was not ready in time. */
  'not-ready-in-time': 40,
  /** `kuma-dp status|logs|restart|drain|stop|detach`: no such agent runs, more than one fits, or it does not answer. */
  'agent-not-found': 41,
  /** `kuma-dp restart`: the old Envoy serves on. The others: the agent did not do it, or not in time. */
  'command-failed': 42,
  /** `kuma-dp run -- COMMAND`: the command is there but cannot be run. A shell's code. */
  'application-unusable': 126,
  /** `kuma-dp run -- COMMAND`: there is no such command. A shell's code. */
  'application-not-found': 127,
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

/** Exit codes of `kuma-dp doctor`: the worst of what it found. Its own faults count as errors. */
export const DOCTOR_EXIT_CODES = { fine: 0, warnings: 1, errors: 2 } as const;
