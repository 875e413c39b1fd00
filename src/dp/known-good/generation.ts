import { createHash } from 'node:crypto';
import { ENDPOINT, SECRET } from '../../envoy/type-urls.ts';

/** One resource as the control plane sent it; nobody here looks into its bytes. */
export interface KeptResource {
  readonly name: string;
  /** Content hash. */
  readonly version: string;
  /** Encoded `google.protobuf.Any`; undefined for a resource without content. */
  readonly any: Uint8Array | undefined;
  /** What else the control plane said about it, encoded. */
  readonly rest: Uint8Array;
  /** The control plane's own version of it; '' when unknown. */
  readonly upstreamVersion: string;
}

export interface KeptType {
  readonly typeUrl: string;
  /** Content hash over the set. */
  readonly version: string;
  readonly upstreamSetVersion: string;
  /** Whether what is not in it does not exist. */
  readonly complete: boolean;
  readonly resources: readonly KeptResource[];
}

/** Everything an Envoy has accepted, at one moment; has the shape of the relay's snapshot. */
export interface AcceptedState {
  /** Encoded node the state was made for. */
  readonly node: Uint8Array | undefined;
  readonly types: readonly KeptType[];
}

/**
 * Names a configuration among generations. Endpoints and certificates come and go without making a new one: there are
 * two generations so that one may be bad, and those must not push the good one out.
 */
export function generationOf({ types }: AcceptedState): string {
  return digestOf(types.filter(({ typeUrl }) => typeUrl !== ENDPOINT && typeUrl !== SECRET));
}

/** Changes with every byte. */
export function contentOf({ types }: AcceptedState): string {
  return digestOf(types);
}

function digestOf(types: readonly KeptType[]): string {
  const lines = types.map(({ typeUrl, version }) => `${typeUrl}\0${version}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 32);
}

/** Private keys travel in Secret resources; CA certificates do too, and are treated alike. */
export function splitSecrets({ node, types }: AcceptedState): {
  readonly open: AcceptedState;
  readonly secret: AcceptedState;
} {
  return {
    open: { node, types: types.filter(({ typeUrl }) => typeUrl !== SECRET) },
    secret: { node: undefined, types: types.filter(({ typeUrl }) => typeUrl === SECRET) },
  };
}

export function namesIn({ types }: AcceptedState): readonly string[] {
  return types.flatMap(({ resources }) => resources.map(({ name }) => name));
}
