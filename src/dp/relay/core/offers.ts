import type { Cache, Said } from './cache.ts';
import type { Peer } from './peer.ts';

/** What an Envoy brought along is known by its version only, until the control plane sends the same. */
export function learn(peer: Peer, typeUrl: string, cache: Cache): boolean {
  return peer.types.get(typeUrl)?.sent.learn(cache.of(typeUrl).resources) ?? false;
}

/** The control plane repeats what an Envoy refused: it is offered once more, as it would be without a relay. */
export function offerAgain(peer: Peer, typeUrl: string, said: Said): void {
  const type = peer.types.get(typeUrl);
  if (type === undefined) return;
  for (const [name, version] of said) {
    const told = type.sent.told.get(name);
    if (version !== '' && told?.version === version && told.reaction === 'refused') type.sendAgain(name);
  }
}
