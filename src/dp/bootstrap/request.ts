import {
  type BootstrapRequest,
  FEATURE_DELTA_GRPC,
  FEATURE_KEEP_ENVOY,
  FEATURE_REUSE_PORT,
  FEATURE_STRICT_INBOUND_PORTS,
  type HealthRequest,
  type LeaveRequest,
} from '../../bootstrap/contract.ts';
import type { BuildInfo } from '../../lib/build-info.ts';
import type { ProxyIdentity } from '../config/agent-config.ts';

/** What the agent knows when it asks. */
export interface RequestFacts {
  readonly proxy: ProxyIdentity;
  readonly build: BuildInfo;
  readonly envoy: { readonly version: string; readonly build: string; readonly supported: boolean };
  /** Where the readiness server listens; the real control plane sends no configuration without it. */
  readonly readinessPort: number;
  /** 0: admin on a unix socket. */
  readonly adminPort: number;
  /** Delta xDS, or state of the world. */
  readonly deltaXds: boolean;
  /** Envoy outlives the agent. */
  readonly keepEnvoy: boolean;
  readonly workdir: string;
  /** PEM Envoy is to trust. */
  readonly caCert?: string | undefined;
}

/** The request of Kuma 2.14, with the admin port of 0.1 when there is one; each side ignores what it does not know. */
export function toBootstrapRequest(facts: RequestFacts): BootstrapRequest {
  const { proxy, build, envoy, adminPort, caCert } = facts;
  return {
    mesh: proxy.mesh,
    name: proxy.name,
    proxyType: proxy.proxyType,
    ...(adminPort === 0 ? {} : { adminPort }),
    ...(proxy.token === undefined ? {} : { dataplaneToken: proxy.token }),
    ...(proxy.resource === undefined ? {} : { dataplaneResource: proxy.resource }),
    version: {
      kumaDp: {
        version: build.version,
        gitTag: build.gitTag,
        gitCommit: build.gitCommit,
        buildDate: build.buildDate,
      },
      envoy: { version: envoy.version, build: envoy.build, kumaDpCompatible: envoy.supported },
    },
    ...(caCert === undefined ? {} : { caCert }),
    dynamicMetadata: null,
    readinessPort: facts.readinessPort,
    operatingSystem: process.platform,
    features: [
      ...(facts.deltaXds ? [FEATURE_DELTA_GRPC] : []),
      FEATURE_REUSE_PORT,
      FEATURE_STRICT_INBOUND_PORTS,
      ...(facts.keepEnvoy ? [FEATURE_KEEP_ENVOY] : []),
    ],
    workdir: facts.workdir,
    ipv6Enabled: true,
  };
}

export function toLeaveRequest({ mesh, name, token }: ProxyIdentity): LeaveRequest {
  return { mesh, name, ...(token === undefined ? {} : { dataplaneToken: token }) };
}

export function toHealthRequest(
  { mesh, name, token }: ProxyIdentity,
  { healthy, reason }: { readonly healthy: boolean; readonly reason: string },
): HealthRequest {
  return {
    mesh,
    name,
    healthy,
    ...(reason === '' ? {} : { reason }),
    ...(token === undefined ? {} : { dataplaneToken: token }),
  };
}
