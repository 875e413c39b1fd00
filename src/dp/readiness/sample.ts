/** One look at Envoy through its admin interface. */
export interface EnvoySample {
  /** Body of /ready: LIVE, DRAINING, PRE_INITIALIZING or INITIALIZING. */
  readonly live: string;
  readonly workersStarted: boolean;
  readonly warmingListeners: number;
  readonly warmingClusters: number;
  /** Accepted and refused updates by subscription: `listener_manager.lds`, `cluster.backend`, … */
  readonly updates: ReadonlyMap<string, UpdateCounts>;
}

export interface UpdateCounts {
  readonly accepted: number;
  readonly refused: number;
}

export const LDS = 'listener_manager.lds';
export const CDS = 'cluster_manager.cds';

/**
 * Query for `parseSample`. Refusals are asked for by their suffix, acceptances only for the two sets and for the
 * subscriptions that were refused something: a proxy with thousands of clusters answers a few lines.
 */
export function samplePath(refusedSubscriptions: readonly string[]): string {
  const accepted = [LDS, CDS, ...refusedSubscriptions.slice(0, 50)].map(escapeRegex).join('|');
  const filter = [
    `^(${accepted})\\.update_success$`,
    '\\.update_rejected$',
    '^listener_manager\\.(total_listeners_warming|workers_started)$',
    '^cluster_manager\\.warming_clusters$',
  ].join('|');
  return `/stats?usedonly&filter=${encodeURIComponent(filter)}`;
}

/** Reads the text form of /stats: lines of `name: number`. Counters at zero are left out by Envoy. */
export function parseSample(live: string, stats: string): EnvoySample {
  const values = new Map<string, number>();
  for (const line of stats.split('\n')) {
    const at = line.lastIndexOf(': ');
    if (at > 0) values.set(line.slice(0, at), Number(line.slice(at + 2)));
  }
  const updates = new Map<string, UpdateCounts>();
  for (const name of values.keys()) {
    const subscription = /^(.*)\.update_(success|rejected)$/.exec(name)?.[1];
    if (subscription === undefined) continue;
    updates.set(subscription, {
      accepted: values.get(`${subscription}.update_success`) ?? 0,
      refused: values.get(`${subscription}.update_rejected`) ?? 0,
    });
  }
  return {
    live: live.trim(),
    workersStarted: (values.get('listener_manager.workers_started') ?? 0) > 0,
    warmingListeners: values.get('listener_manager.total_listeners_warming') ?? 0,
    warmingClusters: values.get('cluster_manager.warming_clusters') ?? 0,
    updates,
  };
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
