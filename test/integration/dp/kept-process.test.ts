import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogFile } from '../../../src/dp/envoy/log-file.ts';
import { readProcessId } from '../../../src/lib/process-id.ts';
import { clonePath, type RunningProgram, startProgram, stopAll, waitUntil } from '../../support/processes.ts';

let dir: string;
let starter: RunningProgram;
let pid = 0;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dp-kept-'));
});

afterEach(async () => {
  if (pid > 0 && readProcessId(pid) !== undefined) process.kill(pid, 'SIGKILL');
  await stopAll();
  rmSync(dir, { recursive: true });
});

/** Fields of /proc/PID/stat from the state on. */
const stat = () => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

/** An agent that starts this command to be kept, prints its process and lives on. */
async function start(...command: readonly string[]): Promise<void> {
  const logPath = join(dir, 'envoy.0.log');
  createLogFile(logPath);
  const [binary, ...args] = command;
  const module = clonePath('src', 'dp', 'envoy', 'kept-process.ts');
  const code = `const { startKeptEnvoy } = await import(${JSON.stringify(module)});
    console.log(JSON.stringify(startKeptEnvoy(${JSON.stringify({ binary, args, logPath })}) ?? { pid: 0 }));
    setInterval(() => {}, 1_000);`;
  starter = startProgram(process.execPath, ['--input-type=module', '-e', code]);
  pid = (JSON.parse(await starter.waitForLine(/^\{/)) as { pid: number }).pid;
}

test('a kept process has another parent and a session of its own before it runs, and prints into its log', async () => {
  await start(
    '/bin/sh',
    '-c',
    'cat /proc/$$/stat; echo problem >&2; echo "$0 $TZ"; exec sleep 60',
    'two  words',
  );
  const log = () => readFileSync(join(dir, 'envoy.0.log'), 'utf8').split('\n');
  await waitUntil(() => log().length > 3);
  const [seen = '', ...rest] = log();
  expect(rest).toEqual(['problem', 'two  words UTC', '']);
  const [, parent, , session] = seen.slice(seen.lastIndexOf(')') + 2).split(' ');
  expect(Number(parent)).not.toBe(starter.pid);
  const own = readFileSync(`/proc/${starter.pid}/stat`, 'utf8');
  expect(session).not.toBe(own.slice(own.lastIndexOf(')') + 2).split(' ')[3]);
});

test('a kept process outlives the agent that started it, and nothing of it is the same process group', async () => {
  await start('/bin/sleep', '60');
  const group = stat()[2];
  process.kill(-starter.pid, 'SIGKILL');
  await starter.exited;
  expect(group).not.toBe(String(starter.pid));
  expect(stat()[0]).not.toBe('Z');
  expect(readProcessId(pid)).toBeDefined();
});

test('a program that cannot be run ends at once and leaves its reason in the log', async () => {
  await start(join(dir, 'missing'));
  await waitUntil(() => pid === 0 || readProcessId(pid) === undefined);
  expect(readFileSync(join(dir, 'envoy.0.log'), 'utf8')).toContain('missing');
});
