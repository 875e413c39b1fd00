import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clonePath, type RunningProgram, startProgram, stopAll, waitUntil } from '../../support/processes.ts';
import { Bench } from '../dp/support/agent.ts';
import { type Scripted, startScripted } from './support/scripted.ts';

let bench: Bench;
let cp: Scripted;
let fifo: string;
/** Written to by the test, for as long as it is open. */
let writer: number;

beforeEach(async () => {
  bench = new Bench();
  cp = await startScripted();
  fifo = join(bench.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
});

afterEach(async () => {
  await stopAll();
  await bench.dispose();
  await cp.close();
});

/** A kuma-dp whose token comes from a pipe: as descriptor 3, or by its path. */
function run(source: string): RunningProgram {
  const program = [process.execPath, clonePath('src/bin/kuma-dp.ts'), 'run', '--name', 'a'];
  const envoy = ['--binary-path', bench.fakeEnvoy().path, '--run-dir', bench.runDir];
  const settings = ['--cp-address', cp.url, '--dataplane-token-file', source, ...envoy];
  writer = openSync(fifo, 'r+');
  return startProgram('/bin/sh', ['-c', `exec "$@" 3<${fifo}`, 'sh', ...program, ...settings]);
}

const sources = () => ['fd:3', '/dev/fd/3', fifo];

/** Its own handlers are there: one for SIGUSR2 has nobody but itself. */
async function untilListening({ pid }: RunningProgram): Promise<void> {
  await waitUntil(() => {
    const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return ((BigInt(`0x${caught}`) >> 11n) & 1n) === 1n;
  });
  // Long enough to be waiting for the token.
  await delay(300);
}

test.each([0, 1, 2])('a token that comes late through a pipe is waited for (%i)', async (at) => {
  const agent = run(sources()[at] ?? '');
  await untilListening(agent);
  expect(agent.exit()).toBeUndefined();
  writeSync(writer, 'a.late.token\n');
  closeSync(writer);
  await waitUntil(() => cp.bootstrapTokens().length > 0, { describe: agent.output });
  expect(cp.bootstrapTokens()[0]).toBe('a.late.token');
});

test.each([0, 1, 2])(
  'an agent whose token does not come through its pipe can be stopped (%i)',
  async (at) => {
    const agent = run(sources()[at] ?? '');
    await untilListening(agent);
    expect(await agent.stop()).toEqual({ code: 0, signal: null });
    closeSync(writer);
  },
);

test.each([0, 1])('a token whose writer is gone before anybody reads it is used (%i)', async (at) => {
  const agent = run(sources()[at] ?? '');
  // The shell has the pipe open by then.
  writeSync(writer, 'an.early.token');
  await waitUntil(() => readdirSync(`/proc/${agent.pid}/fd`).includes('3'));
  closeSync(writer);
  await waitUntil(() => cp.bootstrapTokens().length > 0, { describe: agent.output });
  expect(cp.bootstrapTokens()[0]).toBe('an.early.token');
});
