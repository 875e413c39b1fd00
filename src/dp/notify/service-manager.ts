import type { Clock } from '../../lib/clock.ts';
import { runCommand } from '../../lib/command.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Patience } from './message.ts';
import { createNotifier, type Notifier, silentNotifier } from './notifier.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface ServiceManagerOptions {
  readonly env: Env;
  readonly pid: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly patience: Patience;
  readonly isHealthy: () => boolean;
}

/** Waits for systemd to have read the message, or the sender would be gone before its unit is looked up. */
const SEND_TIMEOUT_MS = 5_000;

/**
 * A notifier for the service manager that started us, a silent one where there is none. Messages go through
 * `systemd-notify`, since Node has no datagrams over unix sockets: units need NotifyAccess=all. The clock is that of the
 * system, CLOCK_MONOTONIC, as MONOTONIC_USEC demands; the agent's own counts from its start.
 */
export function connectServiceManager(options: ServiceManagerOptions): Notifier {
  const { env, pid, clock, logger, patience, isHealthy } = options;
  if ((env.NOTIFY_SOCKET ?? '') === '') return silentNotifier;
  let warned = false;
  return createNotifier({
    clock: { ...clock, monotonic: () => Number(process.hrtime.bigint() / 1000n) / 1000 },
    patience,
    isHealthy,
    watchdogMs: readWatchdog(env, pid),
    async send(lines) {
      const { ok, problem } = await runCommand('systemd-notify', [...lines], { timeoutMs: SEND_TIMEOUT_MS });
      if (ok || warned) return;
      warned = true;
      logger.warn(
        { problem },
        'the service manager cannot be told: systemd-notify failed; with Type=notify it will take this service for not started',
      );
    },
  });
}

/** The watchdog's time in ms, when it is us it watches. */
export function readWatchdog(env: Env, pid: number): number | undefined {
  const us = Number(env.WATCHDOG_USEC ?? '');
  const watched = env.WATCHDOG_PID ?? '';
  return Number.isFinite(us) && us > 0 && (watched === '' || Number(watched) === pid) ? us / 1000 : undefined;
}

const OURS = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];

/** The environment for a program beside the agent: the conversation with the service manager is the agent's alone. */
export function withoutServiceManager(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.includes(name)));
}
