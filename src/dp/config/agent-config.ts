import type { Given } from '../control-planes/given.ts';
import type { TokenSource } from '../token/source.ts';

/** Everything one agent needs to run, read and checked: no flag, variable or file of the user is looked at after it. */
export interface AgentConfig {
  readonly controlPlane: ControlPlaneTarget;
  readonly proxy: ProxyIdentity;
  /** Where its token came from, to be looked at again; undefined: it has none. */
  readonly tokenSource?: TokenSource;
  readonly envoy: EnvoyOptions;
  /** 0: the kernel chooses. */
  readonly readinessPort: number;
  /** Envoy gets its xDS from the agent. */
  readonly xdsRelay: boolean;
  /** Parent of the private directories. */
  readonly runDir: string;
  readonly state: StateOptions;
  /** Who ends first, where the agent runs an application. */
  readonly stopOrder: 'proxy-first' | 'app-first';
  readonly appStopTimeoutMs: number;
  /** undefined: nobody looks at the application. */
  readonly appHealth: AppHealthOptions | undefined;
  readonly log: {
    readonly level: 'off' | 'error' | 'warn' | 'info' | 'debug';
    readonly format: 'text' | 'json';
  };
}

export interface ControlPlaneTarget {
  /** Scheme, host and port; the path is ours. */
  readonly url: URL;
  /** All that were given, `url` standing for the first; undefined: there is only `url`. */
  readonly given?: readonly Given[];
  /** Ask them in the order given; else each proxy has an order of its own. */
  readonly inOrder?: boolean;
  /** How long the preferred one must be well before the stream goes back to it, in ms; 0 or undefined: it never does. */
  readonly returnAfterMs?: number;
  /** IP to dial instead of the host of `url`; set where one of several is asked. */
  readonly address?: string | undefined;
  /** PEM; undefined: the roots of the system. */
  readonly caCert?: string;
  /** Lower-case hex of the SHA-256 of a CA certificate in the chain the control plane presents. */
  readonly caFingerprint?: string;
  readonly skipVerify: boolean;
  /** Longest pause between attempts, in ms. */
  readonly retryBackoffMs: number;
  /** When to give up, in ms after the first attempt. */
  readonly retryMaxMs: number;
}

export interface ProxyIdentity {
  readonly mesh: string;
  readonly name: string;
  readonly proxyType: 'dataplane';
  /** The Dataplane the agent brings, as JSON text; undefined: the control plane has it. */
  readonly resource?: string;
  /** As it was at the start. */
  readonly token?: string;
}

export interface EnvoyOptions {
  /** '' looks for one. */
  readonly binaryPath: string;
  /** Ask for delta xDS; else state of the world. */
  readonly deltaXds: boolean;
  /** 0: one worker per CPU. */
  readonly concurrency: number;
  /** Heap beyond which it refuses requests; 0: found out. */
  readonly maxMemoryBytes: number;
  /** 0: admin on a unix socket. */
  readonly adminPort: number;
  readonly drainTimeMs: number;
  readonly restartBaseMs: number;
  readonly restartMaxMs: number;
  /** 0: no limit. */
  readonly maxRestarts: number;
  readonly hotRestart: 'auto' | 'on' | 'off';
  readonly watchBinary: boolean;
  /** It outlives an agent that is killed or detaches itself. */
  readonly keep: boolean;
  /** Parent of private directories for the log of an Envoy that is kept; '' where no place but the run directory is known. */
  readonly logDir: string;
  readonly parentShutdownMs: number;
  /** 0: never. */
  readonly bootstrapRefreshMs: number;
  readonly childLiveMs: number;
  /** 0: never. */
  readonly silenceMs: number;
  readonly logLevel: string;
  readonly componentLogLevel: string;
}

/** The last known good configuration, and when it is used. */
export interface StateOptions {
  /** Parent of the private directories that survive a reboot; '' where no place for them is known. */
  readonly dir: string;
  /** Whether private keys may be kept in `dir`; else they are kept in a tmpfs only. */
  readonly secretsOnDisk: boolean;
  /** How long a start waits for the control plane before it uses what is saved, in ms. */
  readonly graceMs: number;
  /** What is older is not used, in ms. */
  readonly maxAgeMs: number;
}

export interface AppHealthOptions {
  readonly check: AppCheck;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** In a row, at least 1. */
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/** How to see that an application is well. */
export type AppCheck =
  | { readonly kind: 'http'; readonly url: URL }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** The program and its arguments. */
  | { readonly kind: 'exec'; readonly command: readonly [string, ...string[]] };
