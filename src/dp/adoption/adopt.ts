// What a new agent finds of the one before: Envoys that were kept. It adopts the one that serves, or ends them all.
import { setTimeout as delay } from 'node:timers/promises';
import { isJsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { isSameProcessAlive } from '../../lib/process-id.ts';
import type { AdminPlace } from '../admin-place.ts';
import { createAdminClient } from '../envoy/admin-client.ts';
import { isListening } from '../envoy/sockets.ts';
import { clearInitializing } from '../hot-restart/shared-memory.ts';
import type { Instance } from '../run-dir/instance.ts';
import type { KeptEnvoy, KeptRecord } from '../run-dir/kept.ts';
import { decide, type EnvoyAnswer, type Look } from './decide.ts';

/** The Envoy a new agent begins with. */
export interface Adoption {
  readonly record: KeptRecord;
  readonly serving: KeptEnvoy;
  readonly leaving: KeptEnvoy | undefined;
  readonly adminLost: boolean;
}

/** An Envoy that serves answers in some milliseconds; the host may be busy. */
const ANSWER_MS = 2_000;
const ENDED_WITHIN_MS = 5_000;

/** Undefined when there is nothing to adopt; the private directory is then as new. */
export async function adoptKept(instance: Instance, logger: Logger): Promise<Adoption | undefined> {
  const { kept: record, discarded } = instance;
  if (discarded.length > 0)
    logger.warn(
      { pids: discarded },
      'Envoy is not adopted but ended and started anew: what the agent before this one wrote down of it cannot be used: it is gone, damaged, of an agent of another version, or of another program',
    );
  if (record === undefined) return undefined;
  const looks = await Promise.all(record.envoys.map(lookAt));
  const decision = decide(looks);
  if (decision.kind === 'end') {
    logger.warn(
      { pids: record.envoys.map(({ pid }) => pid) },
      `Envoy is not adopted but ended and started anew: ${decision.reason}`,
    );
    await end(record.envoys);
    instance.clear();
    return undefined;
  }
  const { serving, leaving, adminLost, kill } = decision;
  if (kill.length > 0) {
    logger.warn(
      { pids: kill.map(({ pid }) => pid) },
      'a hand-over was cut off: the Envoy that did not take over is ended',
    );
    await end(kill);
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

async function lookAt(envoy: KeptEnvoy): Promise<Look> {
  return { envoy, answer: await askWhoItIs(envoy.place), listens: isListening(envoy.pid) };
}

async function askWhoItIs(place: AdminPlace): Promise<EnvoyAnswer | undefined> {
  const admin = createAdminClient(place, ANSWER_MS);
  try {
    const { body } = await admin.get('/server_info');
    const info: unknown = JSON.parse(body);
    if (!isJsonObject(info) || !isJsonObject(info.command_line_options)) return undefined;
    const { restart_epoch: epoch, config_path: configPath } = info.command_line_options;
    return { state: String(info.state), epoch: Number(epoch ?? 0), configPath: String(configPath) };
  } catch {
    return undefined;
  } finally {
    admin.close();
  }
}

async function end(envoys: readonly KeptEnvoy[]): Promise<void> {
  const deadline = performance.now() + ENDED_WITHIN_MS;
  for (const envoy of envoys) {
    try {
      if (isSameProcessAlive(envoy)) process.kill(envoy.pid, 'SIGKILL');
    } catch {
      // Gone in between.
    }
  }
  while (envoys.some(isSameProcessAlive) && performance.now() < deadline) await delay(10);
}
