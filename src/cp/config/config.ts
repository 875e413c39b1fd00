import type { JsonObject } from '../../lib/json.ts';
import type { ControlPlaneValues } from './settings.ts';

export interface ListenConfig {
  readonly enabled: boolean;
  /** IP address. */
  readonly interface: string;
  /** 0: the kernel chooses. */
  readonly port: number;
}

/** The effective configuration: parsed, complete, checked, frozen. Paths are absolute, times in milliseconds. */
export interface ControlPlaneConfig {
  readonly zoneName: string;
  readonly workDir: string;
  /** Names and addresses to put into the certificate and to accept as Host, besides those of the machine. */
  readonly hostNames: readonly string[];
  /** A certificate to use as it is; undefined: one of the private CA in `workDir`. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly store: { readonly type: 'sqlite'; readonly path: string } | { readonly type: 'memory' };
  readonly api: {
    readonly http: ListenConfig;
    readonly https: ListenConfig;
    readonly readOnly: boolean;
    readonly localhostIsAdmin: boolean;
  };
  /** The plain HTTP bootstrap. Same interface and port as `api.https`: one socket, told apart by the first byte. */
  readonly bootstrap: ListenConfig & {
    /** 0: the agent chooses. */
    readonly adminPort: number;
    /** Undefined: the host the agent used. */
    readonly xdsHost: string | undefined;
    /** Undefined: the port `dpServer` really listens on. */
    readonly xdsPort: number | undefined;
  };
  readonly dpServer: ListenConfig;
  readonly lifecycle: {
    readonly leaseMs: number;
    readonly leaseWithKeptEnvoyMs: number;
    readonly graceAfterStreamLossMs: number;
    readonly cleanupAgeMs: number;
  };
  /** Streams admitted a second. */
  readonly admissionRate: number;
  readonly diagnostics: ListenConfig;
  readonly defaultMesh: {
    readonly create: boolean;
    /** In either dialect; undefined: a plain mesh. */
    readonly document: JsonObject | undefined;
  };
  readonly log: {
    readonly level: ControlPlaneValues['logLevel'];
    readonly format: ControlPlaneValues['logFormat'];
  };
}

/** Resolved values in the shape the composition root wants; `document` is `defaults.mesh`, parsed. */
export function toConfig(v: ControlPlaneValues, document: JsonObject | undefined): ControlPlaneConfig {
  const listen = (enabled: boolean, address: string, port: number): ListenConfig => ({
    enabled,
    interface: address,
    port,
  });
  return {
    zoneName: v.zoneName,
    workDir: v.workDir,
    hostNames: v.hostNames,
    tls: v.tlsCertFile === '' ? undefined : { certFile: v.tlsCertFile, keyFile: v.tlsKeyFile },
    store: v.storeType === 'memory' ? { type: 'memory' } : { type: 'sqlite', path: v.storePath },
    api: {
      http: listen(v.httpEnabled, v.httpInterface, v.httpPort),
      https: listen(v.httpsEnabled, v.httpsInterface, v.httpsPort),
      readOnly: v.apiReadOnly,
      localhostIsAdmin: v.localhostIsAdmin,
    },
    bootstrap: {
      ...listen(v.bootstrapEnabled, v.bootstrapInterface, v.bootstrapPort),
      adminPort: v.bootstrapAdminPort,
      xdsHost: v.xdsHost === '' ? undefined : v.xdsHost,
      xdsPort: v.xdsPort === 0 ? undefined : v.xdsPort,
    },
    dpServer: listen(true, v.dpServerInterface, v.dpServerPort),
    lifecycle: {
      leaseMs: v.lease,
      leaseWithKeptEnvoyMs: v.leaseWithKeptEnvoy,
      graceAfterStreamLossMs: v.graceAfterStreamLoss,
      cleanupAgeMs: v.dataplaneCleanupAge,
    },
    admissionRate: v.admissionRate,
    diagnostics: listen(true, v.diagnosticsInterface, v.diagnosticsPort),
    defaultMesh: { create: !v.skipMeshCreation, document },
    log: { level: v.logLevel, format: v.logFormat },
  };
}
