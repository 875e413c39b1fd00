// What is done with an Envoy that is nobody's child: it is asked who it is, and it is ended.
import { setTimeout as delay } from 'node:timers/promises';
import { isJsonObject } from '../../lib/json.ts';
import { isSameProcessAlive } from '../../lib/process-id.ts';
import type { AdminPlace } from '../admin-place.ts';
import { createAdminClient } from '../envoy/admin-client.ts';
import { isListening } from '../envoy/sockets.ts';
import { isStillThere, type KeptEnvoy } from '../run-dir/kept.ts';
import type { EnvoyAnswer, Look } from './decide.ts';

/** An Envoy that serves answers in some milliseconds; the host may be busy. */
const ANSWER_MS = 2_000;
const ENDED_WITHIN_MS = 5_000;
const HURRIED_MS = 200;

export async function lookAtKept(envoy: KeptEnvoy, answerMs = ANSWER_MS): Promise<Look> {
  return { envoy, answer: await askWhoItIs(envoy.place, answerMs), listens: isListening(envoy.pid) };
}

async function askWhoItIs(place: AdminPlace, answerMs: number): Promise<EnvoyAnswer | undefined> {
  const admin = createAdminClient(place, answerMs);
  try {
    // Twice: a host that stands still makes one question fail, and an Envoy that is thought to hang is killed.
    const { body } = await admin.get('/server_info').catch(() => admin.get('/server_info'));
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

/** Sends the signal and waits some seconds for the end of all of them, hardly at all when hurried; whether all are gone. */
export async function endKept(
  envoys: readonly KeptEnvoy[],
  signal: 'SIGTERM' | 'SIGKILL',
  hurry?: AbortSignal,
): Promise<boolean> {
  const begun = performance.now();
  for (const envoy of envoys) {
    try {
      // The number may be another process's by now.
      if (isStillThere(envoy)) process.kill(envoy.pid, signal);
    } catch {
      // Gone in between.
    }
  }
  const isOver = () => performance.now() - begun > (hurry?.aborted === true ? HURRIED_MS : ENDED_WITHIN_MS);
  while (envoys.some(isSameProcessAlive) && !isOver()) await delay(10);
  return !envoys.some(isSameProcessAlive);
}
