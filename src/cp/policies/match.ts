import type { Resource } from '../../model/resource.ts';
import type { Selector, Tags } from '../../model/tags.ts';

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
  const candidates = policies.flatMap((policy) => {
    const source = bestRank(policy.spec.sources, sources);
    return source === undefined ? [] : [{ policy, source, created: Date.parse(policy.creationTime) }];
  });
  // Best tie-breaker first: below, only a strictly higher rank replaces what was found.
  candidates.sort((a, b) => b.created - a.created || (a.policy.key.name < b.policy.key.name ? -1 : 1));
  return (destination) => {
    let found: { readonly policy: Resource<P>; readonly rank: Rank } | undefined;
    for (const { policy, source } of candidates) {
      const to = bestRank(policy.spec.destinations, [destination]);
      if (to === undefined) continue;
      const rank = { tags: source.tags + to.tags, exact: source.exact + to.exact };
      if (found === undefined || compareRanks(rank, found.rank) > 0) found = { policy, rank };
    }
    return found?.policy;
  };
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

function rankOf(match: Tags): Rank {
  const values = Object.values(match);
  return { tags: values.length, exact: values.filter((v) => v !== '*').length };
}

function compareRanks(a: Rank, b: Rank): number {
  return a.tags - b.tags || a.exact - b.exact;
}

function isEmpty(match: Tags): boolean {
  return Object.keys(match).length === 0;
}
