import type { Resource } from '../../model/resource.ts';
import { SERVICE_TAG, type Selector, type Tags } from '../../model/tags.ts';

/** A policy between two ends, in the tag selector form. */
export interface ConnectionPolicy {
  readonly sources: readonly Selector[];
  readonly destinations: readonly Selector[];
}

/** How specific a selector is: more tags first, then more exact ones. */
interface Rank {
  readonly tags: number;
  readonly exact: number;
}

/**
 * Picks the policy of a connection: the most specific wins, source and destination added up; of equals the newest, then
 * the first by name. `sources` are the tag sets of the calling proxy. What concerns the caller is computed once, so
 * that asking for each destination is cheap.
 */
export function matcherFor<P extends ConnectionPolicy>(
  policies: readonly Resource<P>[],
  sources: readonly Tags[],
): (destination: Tags) => Resource<P> | undefined {
  const candidates = candidatesFor(policies, sources);
  return (destination) => pick(candidates, destination);
}

type ServiceMatcher = (service: string) => Resource<ConnectionPolicy> | undefined;

const shared = new WeakMap<readonly Resource[], Map<string, ServiceMatcher>>();

/**
 * The same for destinations that are a service and nothing else. Callers whom all policies see alike share the answers:
 * with a thousand proxies a service is matched once for each kind of caller. `policies` must not be changed later.
 */
export function serviceMatcherFor<P extends ConnectionPolicy>(
  policies: readonly Resource<P>[],
  sources: readonly Tags[],
): (service: string) => Resource<P> | undefined {
  const candidates = candidatesFor(policies, sources);
  const byKind = shared.get(policies) ?? new Map<string, ServiceMatcher>();
  shared.set(policies, byKind);
  const kind = candidates.map(({ at, source }) => `${at}:${source.tags}:${source.exact}`).join();
  const known = byKind.get(kind) as ((service: string) => Resource<P> | undefined) | undefined;
  if (known !== undefined) return known;
  const answers = new Map<string, Resource<P> | undefined>();
  const matcher = (service: string) => {
    if (!answers.has(service)) answers.set(service, pick(candidates, { [SERVICE_TAG]: service }));
    return answers.get(service);
  };
  byKind.set(kind, matcher);
  return matcher;
}

interface Candidate<P> {
  readonly policy: Resource<P>;
  /** Place among all policies in order of tie-breaking. */
  readonly at: number;
  readonly source: Rank;
}

/** Policies that match the caller, best tie-breaker first. */
function candidatesFor<P extends ConnectionPolicy>(
  policies: readonly Resource<P>[],
  sources: readonly Tags[],
): readonly Candidate<P>[] {
  return inOrder(policies).flatMap((policy, at) => {
    const source = bestRank(policy.spec.sources, sources);
    return source === undefined ? [] : [{ policy, at, source }];
  });
}

const ordered = new WeakMap<readonly Resource[], readonly Resource[]>();

/** Newest first, then by name. */
function inOrder<P>(policies: readonly Resource<P>[]): readonly Resource<P>[] {
  const known = ordered.get(policies) as readonly Resource<P>[] | undefined;
  if (known !== undefined) return known;
  const sorted = policies
    .map((policy) => ({ policy, created: Date.parse(policy.creationTime) }))
    .sort((a, b) => b.created - a.created || (a.policy.key.name < b.policy.key.name ? -1 : 1))
    .map(({ policy }) => policy);
  ordered.set(policies, sorted);
  return sorted;
}

function pick<P extends ConnectionPolicy>(
  candidates: readonly Candidate<P>[],
  destination: Tags,
): Resource<P> | undefined {
  let found: { readonly policy: Resource<P>; readonly rank: Rank } | undefined;
  for (const { policy, source } of candidates) {
    const to = bestRank(policy.spec.destinations, [destination]);
    if (to === undefined) continue;
    const rank = { tags: source.tags + to.tags, exact: source.exact + to.exact };
    // Only a strictly higher rank replaces what was found.
    if (found === undefined || compareRanks(rank, found.rank) > 0) found = { policy, rank };
  }
  return found?.policy;
}

/** The highest rank of the selectors that match any of the tag sets. */
function bestRank(selectors: readonly Selector[], tagSets: readonly Tags[]): Rank | undefined {
  let best: Rank | undefined;
  for (const { match } of selectors) {
    if (!tagSets.some((tags) => matchesTags(match, tags)) && !(isEmpty(match) && tagSets.length === 0))
      continue;
    const rank = rankOf(match);
    if (best === undefined || compareRanks(rank, best) > 0) best = rank;
  }
  return best;
}

/** Every tag is equal, or `*` and present. */
export function matchesTags(match: Tags, tags: Tags): boolean {
  for (const key in match) {
    const value = tags[key];
    if (value === undefined || (match[key] !== '*' && match[key] !== value)) return false;
  }
  return true;
}

const ranks = new WeakMap<Tags, Rank>();

function rankOf(match: Tags): Rank {
  let rank = ranks.get(match);
  if (rank === undefined) {
    const values = Object.values(match);
    rank = { tags: values.length, exact: values.filter((v) => v !== '*').length };
    ranks.set(match, rank);
  }
  return rank;
}

function compareRanks(a: Rank, b: Rank): number {
  return a.tags - b.tags || a.exact - b.exact;
}

function isEmpty(match: Tags): boolean {
  return Object.keys(match).length === 0;
}
