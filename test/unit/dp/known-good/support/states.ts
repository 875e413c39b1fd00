import { createHash } from 'node:crypto';
import type { AcceptedState, KeptType } from '../../../../../src/dp/known-good/generation.ts';
import { CLUSTER, ENDPOINT, LISTENER, SECRET } from '../../../../../src/envoy/type-urls.ts';

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));

/** A set of made-up resources of one type: name to content. */
function aType(typeUrl: string, contents: Readonly<Record<string, string>>): KeptType {
  const resources = Object.entries(contents).map(([name, text]) => ({
    name,
    version: createHash('sha256').update(text).digest('hex').slice(0, 32),
    any: bytesOf(text),
    rest: bytesOf(''),
    upstreamVersion: `up-${text}`,
  }));
  const version = createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, 32);
  return { typeUrl, version, upstreamSetVersion: '', complete: typeUrl !== ENDPOINT, resources };
}

export interface Parts {
  readonly cluster?: string;
  readonly listener?: string;
  readonly endpoint?: string;
  /** A made-up private key. */
  readonly key?: string;
}

/** What an Envoy accepted, in short. */
export function aState({ cluster = 'c1', listener = 'l1', endpoint = 'e1', key }: Parts = {}): AcceptedState {
  return {
    node: bytesOf('node'),
    types: [
      aType(CLUSTER, { backend: cluster }),
      aType(ENDPOINT, { backend: endpoint }),
      aType(LISTENER, { 'inbound:1': listener, empty: '' }),
      ...(key === undefined ? [] : [aType(SECRET, { 'identity_cert:secret:default': key })]),
    ],
  };
}
