import { resolveSrv } from 'node:dns/promises';
import { isIP } from 'node:net';
import { lookupAll } from '../../lib/lookup.ts';
import type { Given } from './given.ts';
import { type Candidate, toPlace } from './place.ts';

/** The DNS, and what the host knows besides. */
export interface Resolver {
  /** All addresses of a name. */
  addresses(host: string): Promise<readonly string[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
}

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export const systemResolver: Resolver = {
  addresses: async (host) => (await lookupAll(host)).map(({ address }) => address),
  srv: (name) => resolveSrv(name),
};

/** Tiers of one place that was given: priorities of SRV are below 65536. */
const TIERS = 1 << 20;

/**
 * All places that were given, with the names resolved. A name that cannot be resolved stands for itself: whoever dials it
 * gets the reason. `inOrder` keeps the order of what was given; else all of it is equal.
 */
export async function resolveGiven(
  given: readonly Given[],
  resolver: Resolver,
  inOrder: boolean,
): Promise<readonly Candidate[]> {
  const lists = await Promise.all(
    given.map(async (one, at) => {
      const base = inOrder ? at * TIERS : 0;
      if (one.kind === 'url') return resolveUrl(one.url, { resolver, tier: base, weight: 1 });
      const records = await resolver.srv(one.name);
      const nested = await Promise.all(
        records.map(({ name, port, priority, weight }) =>
          resolveUrl(new URL(`${one.protocol}//${name.replace(/\.$/, '')}:${port}`), {
            resolver,
            tier: base + priority * 2,
            weight,
          }),
        ),
      );
      return nested.flat();
    }),
  );
  return [...new Map(lists.flat().map((candidate) => [candidate.key, candidate])).values()];
}

interface UrlOptions {
  readonly resolver: Resolver;
  readonly tier: number;
  readonly weight: number;
}

async function resolveUrl(url: URL, { resolver, tier, weight }: UrlOptions): Promise<readonly Candidate[]> {
  const host = url.hostname;
  const alone: readonly Candidate[] = [{ ...toPlace(url), tier, weight }];
  if (host === 'localhost' || isIP(host) !== 0 || host.startsWith('[')) return alone;
  const addresses = await resolver.addresses(host).catch((): readonly string[] => []);
  const four = addresses.filter((address) => isIP(address) === 4);
  const six = addresses.filter((address) => isIP(address) === 6);
  const [main, rest] = six.length > four.length ? [six, four] : [four, six];
  // One address of each family is one host: the system chooses between them.
  if (main.length < 2) return alone;
  const place = (address: string, at: number) => ({ ...toPlace(url, address), tier: at, weight });
  return [...main.map((a) => place(a, tier)), ...rest.map((a) => place(a, tier + 1))];
}
