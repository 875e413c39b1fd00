// The application behind the proxy: whether it is well decides readiness and is told to the control plane, which takes
// its endpoints out and in.
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AppHealthOptions } from '../config/agent-config.ts';
import type { AppHealth } from './judge.ts';
import { startAppMonitor } from './monitor.ts';
import { createProbe } from './probe.ts';
import { type ReporterOptions, startHealthReporter } from './reporter.ts';

export interface AppWatch {
  readonly health: AppHealth;
  /** A stream to the control plane opened. */
  reconnected(): void;
  /** An Envoy serves that may know nothing of the application's health. */
  envoyServing(): void;
  /** Nothing more is told from this call on; resolves when no check runs any more. */
  stop(): Promise<void>;
}

export interface AppWatchOptions extends Pick<ReporterOptions, 'tell' | 'postToEnvoy'> {
  readonly config: AppHealthOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An application that takes longer to start is worth a line. */
const PATIENCE_MS = 2_000;

export function watchApplication({ config, clock, logger, tell, postToEnvoy }: AppWatchOptions): AppWatch {
  const reporter = startHealthReporter({ tell, postToEnvoy, clock, logger });
  let last: AppHealth['health'] = 'unknown';
  const monitor = startAppMonitor({
    ...config,
    probe: createProbe(config.check, config.timeoutMs),
    clock,
    onChange: (health) => {
      if (health.health !== last) log(logger, health);
      last = health.health;
      reporter.update(toReport(health));
    },
  });
  reporter.update(toReport(monitor.health));
  const cancelTelling = clock.after(PATIENCE_MS, () => {
    const { health, reason } = monitor.health;
    if (health === 'unknown')
      logger.warn(
        { reason },
        'application is not ready yet: until it is, its proxy is not, and peers are told',
      );
  });
  return {
    get health() {
      return monitor.health;
    },
    reconnected: () => reporter.reconnected(),
    envoyServing: () => reporter.envoyServing(),
    stop: () => {
      cancelTelling();
      reporter.stop();
      return monitor.stop();
    },
  };
}

/** The first line of a readiness answer while the application is not well; undefined when it is. */
export function describeIll({ health, reason }: AppHealth): string | undefined {
  switch (health) {
    case 'healthy':
      return undefined;
    case 'unhealthy':
      return `APPLICATION NOT HEALTHY: ${reason}`;
    case 'unknown':
      return `APPLICATION NOT READY: ${reason}`;
  }
}

function toReport({ health, reason }: AppHealth) {
  return { healthy: health === 'healthy', reason: health === 'healthy' ? '' : reason };
}

function log(logger: Logger, { health, reason }: AppHealth): void {
  if (health === 'healthy') logger.info({}, 'application is healthy');
  else logger.warn({ reason }, 'application is not healthy: its proxy is not ready, and peers are told');
}
