import type { Logger } from '../../lib/logger.ts';
import { findUnattended, stopCommand } from '../control/unattended.ts';
import type { Look } from './places.ts';
import { idOf } from './roster.ts';

/**
 * Tells of kept Envoys that no file names: one whose file went away, or broke, while no agent was there serves on with what
 * it had. It may also wait for an agent of its own, so it is left alone.
 */
export function tellForgotten(runDir: string, { readings }: Look, logger: Logger): void {
  const named = new Set(
    readings.flatMap(({ outcome }) => (outcome.kind === 'good' ? [idOf(outcome.entry)] : [])),
  );
  for (const { record } of findUnattended(runDir)) {
    const id = idOf(record);
    const pids = record.envoys.map(({ pid }) => pid);
    if (!named.has(id))
      logger.warn(
        { proxy: id, pids },
        `Envoy of ${id} was kept and serves without an agent: no file that can be used names it; to end it: ${stopCommand(runDir, record)}`,
      );
  }
}
