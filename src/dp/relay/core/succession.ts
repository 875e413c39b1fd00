import { CLUSTER, ENDPOINT } from '../../../envoy/type-urls.ts';
import type { Peer } from './peer.ts';

export function newer(a: Peer | undefined, b: Peer): Peer {
  if (a === undefined) return b;
  return (a.epoch - b.epoch || a.number - b.number) >= 0 ? a : b;
}

/**
 * Whether an Envoy may have listeners. Not once a newer Envoy serves: this one accepts listeners it will never open. A
 * child takes the sockets over with its listeners, so before that its clusters are accepted and their endpoints there.
 */
export function isTurnOf(peer: Peer, peers: ReadonlySet<Peer>): boolean {
  const live = [...peers].filter((other) => other !== peer && other.live);
  if (live.some((other) => newer(other, peer) === other)) return false;
  const elder = live.reduce<Peer | undefined>(newer, undefined);
  if (elder === undefined || peer.live) return true;
  const clusters = peer.types.get(CLUSTER)?.sent;
  if (clusters === undefined || !clusters.answered || !clusters.quiet) return false;
  const endpoints = peer.types.get(ENDPOINT);
  const has = (name: string, of: Peer) => of.types.get(ENDPOINT)?.sent.told.has(name) ?? false;
  return [...(endpoints?.names ?? [])].every((name) => has(name, peer) || !has(name, elder));
}
