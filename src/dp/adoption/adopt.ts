// What a new agent finds of the one before: Envoys that were kept. It adopts the one that serves, or ends them all.
import type { Logger } from '../../lib/logger.ts';
import { clearInitializing } from '../hot-restart/shared-memory.ts';
import type { Instance } from '../run-dir/instance.ts';
import type { KeptEnvoy, KeptRecord } from '../run-dir/kept.ts';
import { decide } from './decide.ts';
import { endKept, lookAtKept } from './kept.ts';

/** The Envoy a new agent begins with. */
export interface Adoption {
  readonly record: KeptRecord;
  readonly serving: KeptEnvoy;
  readonly leaving: KeptEnvoy | undefined;
  readonly adminLost: boolean;
}

/** Undefined when there is nothing to adopt; the private directory is then as new. */
export async function adoptKept(instance: Instance, logger: Logger): Promise<Adoption | undefined> {
  const { kept: record, discarded } = instance;
  if (discarded.length > 0)
    logger.warn(
      { pids: discarded },
      'Envoy is not adopted but ended and started anew: what the agent before this one wrote down of it cannot be used: it is gone, damaged, of an agent of another version, or of another program',
    );
  if (record === undefined) return undefined;
  const looks = await Promise.all(record.envoys.map((envoy) => lookAtKept(envoy)));
  const decision = decide(looks);
  if (decision.kind === 'end') {
    logger.warn(
      { pids: record.envoys.map(({ pid }) => pid) },
      `Envoy is not adopted but ended and started anew: ${decision.reason}`,
    );
    await endKept(record.envoys, 'SIGKILL');
    instance.clear();
    return undefined;
  }
  const { serving, leaving, adminLost, kill } = decision;
  if (kill.length > 0) {
    logger.warn(
      { pids: kill.map(({ pid }) => pid) },
      'a hand-over was cut off: the Envoy that did not take over is ended',
    );
    await endKept(kill, 'SIGKILL');
  }
  // Only now is it certain that no child is starting: the mark of one that failed would let no other start.
  if (serving.baseId !== undefined) clearInitializing(serving.baseId);
  const { pid, epoch } = serving;
  logger.info(
    { pid, epoch, writtenBy: record.writtenBy, adminLost },
    'Envoy found that serves without an agent: adopting it',
  );
  return { record, serving, leaving, adminLost };
}
