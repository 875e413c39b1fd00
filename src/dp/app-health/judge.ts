/** What one check found. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Why not; '' when ok. */
  readonly reason: string;
}

/**
 * What is known of the application. `unknown` until its first success: it may be starting, and its proxy waits for it.
 */
export interface AppHealth {
  readonly health: 'unknown' | 'healthy' | 'unhealthy';
  /** Of the newest failure; '' when the newest check succeeded. */
  readonly reason: string;
  /** Results in a row that speak against `health`. */
  readonly against: number;
}

export const UNKNOWN_HEALTH: AppHealth = { health: 'unknown', reason: 'not checked yet', against: 0 };

export interface Thresholds {
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

/** One success is enough at the start; later changes need a streak. */
export function judge(before: AppHealth, { ok, reason }: ProbeResult, thresholds: Thresholds): AppHealth {
  const { health } = before;
  if (health === 'unknown') return ok ? { health: 'healthy', reason: '', against: 0 } : { ...before, reason };
  if (ok === (health === 'healthy')) return { health, reason, against: 0 };
  const against = before.against + 1;
  const needed = ok ? thresholds.healthyThreshold : thresholds.unhealthyThreshold;
  if (against < needed) return { health, reason, against };
  return { health: ok ? 'healthy' : 'unhealthy', reason, against: 0 };
}
