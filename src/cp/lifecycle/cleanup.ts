import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ProxyInsights } from '../insights/proxy-insights.ts';
import type { ResourceManager } from '../resources/manager.ts';
import { isBroughtByAgent } from './registration.ts';

export interface CleanupOptions {
  readonly manager: Pick<ResourceManager, 'list' | 'delete'>;
  readonly insights: Pick<ProxyInsights, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** An agent-brought Dataplane is removed when its proxy has been offline for this long (Kuma's default: 72 h). */
  readonly ageMs: number;
}

/** Looks no more often than this. */
const MIN_INTERVAL_MS = 60_000;

/** Removes what dead agents left behind, now and then; those made with kumactl are never touched. */
export function startCleanup(options: CleanupOptions): () => void {
  let cancel = () => {};
  const schedule = () => {
    cancel = options.clock.after(Math.max(MIN_INTERVAL_MS, options.ageMs / 24), () => {
      void removeStale(options).finally(schedule);
    });
  };
  schedule();
  return () => cancel();
}

export async function removeStale({
  manager,
  insights,
  clock,
  logger,
  ageMs,
}: CleanupOptions): Promise<void> {
  try {
    for (const resource of await manager.list({ type: 'Dataplane' })) {
      if (!isBroughtByAgent(resource)) continue;
      const last = insights.get(resource.key.mesh, resource.key.name)?.subscriptions.at(-1);
      if (last?.disconnectTime === undefined || clock.now() - Date.parse(last.disconnectTime) < ageMs)
        continue;
      await manager.delete(resource.key);
      logger.info(
        { mesh: resource.key.mesh, dataplane: resource.key.name, offlineSince: last.disconnectTime },
        'removed the Dataplane of an agent that is gone',
      );
    }
  } catch (error) {
    logger.warn({ error: describeError(error) }, 'clean-up of Dataplanes failed; it is tried again later');
  }
}
