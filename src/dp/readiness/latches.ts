import { CDS, type EnvoySample, LDS, type UpdateCounts } from './sample.ts';

/** Which dynamic sets this Envoy waits for. */
export interface Expectations {
  readonly lds: boolean;
  readonly cds: boolean;
  /** What else is missing, for people. */
  readonly obstacles?: readonly string[];
}

/**
 * What is known of one Envoy process. `latched` never opens again: one bad policy must not take a fleet out of
 * service, so a later refusal is told in `refused` and changes nothing else.
 */
export interface Readiness {
  readonly latched: boolean;
  /** Envoy says LIVE: its listeners are open and, in a hot restart, those of its parent are not any more. */
  readonly live: boolean;
  /** What is still missing for the latch, for people. */
  readonly waitingFor: readonly string[];
  /** Subscriptions whose newest update was refused. */
  readonly refused: readonly string[];
  readonly counts: ReadonlyMap<string, UpdateCounts>;
}

export const UNKNOWN_READINESS: Readiness = {
  latched: false,
  live: false,
  waitingFor: ['Envoy to answer'],
  refused: [],
  counts: new Map(),
};

/** Folds a new look into what was known. */
export function observe(before: Readiness, sample: EnvoySample, expects: Expectations): Readiness {
  const refused = [...sample.updates].flatMap(([name, now]) => {
    const then = before.counts.get(name) ?? { accepted: 0, refused: 0 };
    return isRefused(then, now, before.refused.includes(name)) ? [name] : [];
  });
  const waitingFor = before.latched ? [] : missing(sample, expects, refused);
  return {
    latched: before.latched || waitingFor.length === 0,
    live: sample.live === 'LIVE',
    waitingFor,
    refused,
    counts: sample.updates,
  };
}

/** Both counters may have grown between two looks; which grew last is unknown then, and the worse is assumed. */
function isRefused(then: UpdateCounts, now: UpdateCounts, before: boolean): boolean {
  if (now.refused > then.refused) return true;
  return now.accepted > then.accepted ? false : before;
}

function missing(sample: EnvoySample, expects: Expectations, refused: readonly string[]): readonly string[] {
  const accepted = (name: string): boolean => (sample.updates.get(name)?.accepted ?? 0) > 0;
  const list: string[] = [];
  if (expects.cds && !accepted(CDS)) list.push('its clusters');
  if (expects.lds && !accepted(LDS)) list.push('its listeners');
  if (sample.warmingClusters > 0) list.push(`${sample.warmingClusters} clusters to warm`);
  if (sample.warmingListeners > 0) list.push(`${sample.warmingListeners} listeners to warm`);
  if (sample.live !== 'LIVE') list.push(`Envoy to be live (${sample.live || 'no answer'})`);
  else if (!sample.workersStarted) list.push('Envoy to start its workers');
  list.push(...(expects.obstacles ?? []));
  if (refused.length > 0) list.push(`a good update of what was refused: ${describeRefused(refused)}`);
  return list;
}

/** `listeners, routes of …`: names people know. */
export function describeRefused(refused: readonly string[]): string {
  const names = refused.map((name) => (name === LDS ? 'listeners' : name === CDS ? 'clusters' : name));
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
