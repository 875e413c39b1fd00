/** Everything one agent needs to run, read and checked: no flag, variable or file of the user is looked at after it. */
export interface AgentConfig {
  readonly controlPlane: ControlPlaneTarget;
  readonly proxy: ProxyIdentity;
  readonly envoy: EnvoyOptions;
  /** 0: the kernel chooses. */
  readonly readinessPort: number;
  /** Parent of the private directories. */
  readonly runDir: string;
  readonly log: {
    readonly level: 'off' | 'error' | 'warn' | 'info' | 'debug';
    readonly format: 'text' | 'json';
  };
}

export interface ControlPlaneTarget {
  /** Scheme, host and port; the path is ours. */
  readonly url: URL;
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
  readonly token?: string;
}

export interface EnvoyOptions {
  /** '' looks for one. */
  readonly binaryPath: string;
  /** Ask for delta xDS; else state of the world. */
  readonly deltaXds: boolean;
  /** 0: one worker per CPU. */
  readonly concurrency: number;
  /** 0: admin on a unix socket. */
  readonly adminPort: number;
  readonly drainTimeMs: number;
  readonly restartBaseMs: number;
  readonly restartMaxMs: number;
  readonly logLevel: string;
  readonly componentLogLevel: string;
}
