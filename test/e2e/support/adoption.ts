import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { findEnvoysOf } from '../../../src/dp/run-dir/kept.ts';
import type { RunningProgram } from '../../support/processes.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { OneProxy } from './one-proxy.ts';

/** Clients are told to leave for a second, and have some more for it than a machine is likely to stand still. */
export const KEEP = '--keep-envoy --drain-time 1s --parent-shutdown-time 5s';

/** Where the agent of the one proxy keeps its sockets and records. */
export function instanceDir(proxy: OneProxy): string {
  return join(proxy.mesh.home, 'run', 'bookinfo.web');
}

/** As after a power cut for the agent alone. */
export async function killed(agent: RunningProgram): Promise<void> {
  agent.signal('SIGKILL');
  await agent.exited;
}

/** After a stop there is no Envoy, private directory, log or shared memory. */
export async function expectNothingLeft(proxy: OneProxy, sharedMemory: string | undefined): Promise<void> {
  const dir = instanceDir(proxy);
  await waitUntil(() => findEnvoysOf(dir).length === 0, { timeoutMs: 10_000 });
  expect(existsSync(dir)).toBe(false);
  const state = join(proxy.mesh.home, 'state', 'bookinfo.web');
  expect((existsSync(state) ? readdirSync(state) : []).filter((name) => name.startsWith('envoy'))).toEqual(
    [],
  );
  if (sharedMemory !== undefined) expect(existsSync(sharedMemory)).toBe(false);
}
