import { aborted } from '../../lib/aborted.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { StopRequest } from '../../lib/stop-signals.ts';
import { announceLeave } from '../bootstrap/client.ts';
import { toLeaveRequest } from '../bootstrap/request.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { Instance } from '../run-dir/instance.ts';
import { drainAndEnd } from './stop-kept.ts';

export interface EndUntakenOptions {
  readonly config: AgentConfig;
  readonly stop: StopRequest;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Ends Envoys that an agent was stopped before it could take over, as it would end its own: the control plane is told, and
 * the one that serves drained.
 */
export async function endUntaken(
  instance: Instance,
  { config, stop, clock, logger }: EndUntakenOptions,
): Promise<void> {
  const { controlPlane, proxy } = config;
  const told = announceLeave(controlPlane, toLeaveRequest(proxy)).then((understood) =>
    logger.info({ understood }, 'announced the leave to the control plane'),
  );
  await Promise.race([told, aborted(stop.immediate)]);
  try {
    await drainAndEnd(instance.kept?.envoys ?? [], {
      drainTimeMs: config.envoy.drainTimeMs,
      hurry: stop.immediate,
      hurryBy: 'a second signal',
      clock,
      tell: (line) => logger.info({}, line),
    });
  } catch (cause) {
    logger.error({ cause: String(cause) }, 'the Envoy that was kept could not be drained; it is killed');
  }
  instance.clear();
}
