import { createHash } from 'node:crypto';

/** One control plane: an address where one instance answers, as far as the names tell. */
export interface Place {
  /** The same as long as it is the same. */
  readonly key: string;
  /** Where its bootstrap server is; its host is the name that its certificate must have. */
  readonly url: URL;
  /** IP to dial instead of the name; undefined: the system resolves it. */
  readonly address: string | undefined;
}

export interface Candidate extends Place {
  /** Lower ones come first, whatever the weights. */
  readonly tier: number;
  /** More weight, more proxies; at least 1. */
  readonly weight: number;
}

export function toPlace(url: URL, address?: string): Place {
  return { key: address === undefined ? url.origin : `${url.origin} (${address})`, url, address };
}

/**
 * The order in which one proxy asks. Within a tier each proxy has an order of its own, the same at each start: proxies
 * spread by weight, and a control plane that comes or goes moves only those that are its own (rendezvous hashing).
 */
export function orderFor(proxy: string, candidates: readonly Candidate[]): readonly Place[] {
  const rank = ({ key, weight }: Candidate) => -Math.log(hash(`${proxy}\n${key}`)) / Math.max(weight, 1);
  return candidates
    .map((candidate) => ({ candidate, rank: rank(candidate) }))
    .sort((a, b) => a.candidate.tier - b.candidate.tier || a.rank - b.rank)
    .map(({ candidate: { key, url, address } }) => ({ key, url, address }));
}

/** In (0, 1). */
function hash(text: string): number {
  return (createHash('sha256').update(text).digest().readUIntBE(0, 6) + 1) / (2 ** 48 + 1);
}
