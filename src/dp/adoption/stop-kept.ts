import { rmSync } from 'node:fs';
import { basename } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { formatDuration } from '../../lib/duration.ts';
import { type Logger, silentLogger } from '../../lib/logger.ts';
import { AgentError } from '../agent-error.ts';
import type { Unattended } from '../control/unattended.ts';
import { createAdminClient } from '../envoy/admin-client.ts';
import { drainEnvoy } from '../envoy/drain.ts';
import { untilQuiet } from '../envoy/sockets.ts';
import { holdKept } from '../run-dir/instance.ts';
import type { KeptEnvoy } from '../run-dir/kept.ts';
import { decide, isItself } from './decide.ts';
import { endKept, lookAtKept } from './kept.ts';
import { readDrainTime } from './started-with.ts';

export interface StopKeptOptions {
  /** Undefined: as the Envoy was started. */
  readonly drainTimeMs: number | undefined;
  /** No more waiting. */
  readonly hurry: AbortSignal;
  /** For people: what to do for that. */
  readonly hurryBy: string;
  readonly clock: Clock;
  /** One line for people about what is done. */
  readonly tell: (line: string) => void;
}

const DRAIN_MS = 30_000;

/**
 * Does what an agent does at its stop, for Envoys that have none: drains the one that serves, ends all of them, and
 * removes what was written down of them. No agent can adopt them meanwhile. The control plane is not told: that takes
 * the token, which is written down nowhere. Throws AgentError when the directory is somebody else's.
 */
export async function stopKept({ dir }: Unattended, options: StopKeptOptions): Promise<string> {
  const held = await holdKept(dir);
  try {
    const ended = await drainAndEnd(held.kept?.envoys ?? [], options);
    held.remove();
    return ended;
  } finally {
    await held.release();
  }
}

/** Ends them and removes their logs, the one that serves after a drain; what was done, for people. Throws AgentError when one does not end. */
export async function drainAndEnd(envoys: readonly KeptEnvoy[], options: StopKeptOptions): Promise<string> {
  const { hurry } = options;
  const looks = await Promise.all(envoys.map((envoy) => lookAtKept(envoy)));
  const decision = decide(looks);
  // A child that was to take over and does not serve: in good order it would end its parent, too.
  if (decision.kind === 'adopt') await endKept(decision.kill, 'SIGKILL');
  const serving =
    decision.kind === 'adopt' ? decision : { serving: looks.findLast(isItself)?.envoy, adminLost: false };
  if (serving.serving !== undefined) await drain(serving.serving, serving.adminLost, options);
  else if (decision.kind === 'end') options.tell(`${decision.reason}; not draining`);
  const newestFirst = envoys.toReversed();
  const ended = (await endKept(newestFirst, 'SIGTERM', hurry)) || (await endKept(newestFirst, 'SIGKILL'));
  const who = `Envoy ${envoys.map(({ pid }) => pid).join(' and ')}`;
  if (!ended)
    throw new AgentError('command-failed', `${who} does not end, not even by SIGKILL; its records stay`);
  // Their logs may be elsewhere, where nobody else knows of them.
  for (const { logPath } of envoys)
    if (/^envoy\.\d\.log$/.test(basename(logPath))) rmSync(logPath, { force: true });
  return envoys.length === 0
    ? 'Envoy had ended by itself; its records are removed'
    : `stopped; ${who} ended, its records are removed; the control plane was not told`;
}

/** Lets its connections end, unless it ends by itself meanwhile. */
async function drain(
  envoy: KeptEnvoy,
  adminLost: boolean,
  { drainTimeMs = readDrainTime(envoy) ?? DRAIN_MS, hurry, hurryBy, clock, tell }: StopKeptOptions,
): Promise<void> {
  tell(`draining Envoy ${envoy.pid}, at most ${formatDuration(drainTimeMs)}; ${hurryBy} ends it at once`);
  const quiet = (timeoutMs: number) => untilQuiet(envoy.pid, { clock, timeoutMs, signal: hurry });
  if (adminLost) return quiet(drainTimeMs);
  const admin = createAdminClient(envoy.place);
  try {
    await drainEnvoy({ admin, drainTimeMs, hurry, logger: toLogger(tell), untilQuiet: quiet });
  } finally {
    admin.close();
  }
}

/** The drain tells what an agent has in its log. */
function toLogger(tell: (line: string) => void): Logger {
  const log = (facts: Readonly<Record<string, unknown>>, message: string) => {
    const about = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
    tell(about.length === 0 ? message : `${message} (${about.join(', ')})`);
  };
  return { ...silentLogger, info: log, warn: log };
}
