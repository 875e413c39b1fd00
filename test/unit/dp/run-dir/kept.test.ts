import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  findEnvoysOf,
  formatKept,
  type KeptRecord,
  nextRelayEpoch,
  parseKept,
  readKept,
} from '../../../../src/dp/run-dir/kept.ts';
import { identifyFile } from '../../../../src/lib/file-identity.ts';
import { readCommandLine, readProcessId } from '../../../../src/lib/process-id.ts';
import { aKeptEnvoy } from '../../../support/kept-envoy.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const record = (envoys = [aKeptEnvoy()]): KeptRecord => ({
  mesh: 'default',
  name: 'web',
  writtenBy: '1.2.3',
  concurrency: 2,
  readinessPort: 4_711,
  envoys,
});

describe('the record of Envoys that outlive their agent', () => {
  test('is read as it was written', () => {
    const written = record([aKeptEnvoy({ epoch: 1 }), aKeptEnvoy({ epoch: 2, place: { port: 9_901 } })]);
    expect(parseKept(formatKept(written))).toEqual(written);
  });

  test('does without what not every Envoy has', () => {
    const { baseId: _, relayEpoch: __, ...envoy } = aKeptEnvoy();
    expect(parseKept(formatKept(record([envoy])))).toEqual(record([envoy]));
    expect(nextRelayEpoch(record([envoy]))).toBe(0);
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, -20)],
    ['of a later format', (text: string) => text.replace('"format":1', '"format":2')],
    ['with a pid that is none', (text: string) => text.replace('"pid":4000', '"pid":-1')],
    ['with a place that is none', (text: string) => text.replace('"socketPath"', '"elsewhere"')],
    ['empty', () => ''],
    ['of another kind', () => '[]'],
  ])('is not believed when it is %s', (_what, damage) => {
    expect(parseKept(damage(formatKept(record())))).toBeUndefined();
  });
});

describe('what is left of a record', () => {
  let dir: string;
  let child: ChildProcess;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'dp-kept-'));
    child = spawn('/bin/sh', ['-c', 'read -r _', 'envoy', '--config-path', join(dir, 'bootstrap.0.json')]);
    await waitUntil(() => readCommandLine(child.pid ?? 0).includes('--config-path'));
  });

  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true });
  });

  function write(facts: object): void {
    const id = readProcessId(child.pid ?? 0);
    const envoy = aKeptEnvoy({ ...id, bootstrapPath: join(dir, 'bootstrap.0.json') });
    const binary = { ...envoy.binary, identity: identifyFile(`/proc/${child.pid}/exe`) };
    writeFileSync(join(dir, 'kept.json'), formatKept(record([{ ...envoy, binary, ...facts }])));
  }

  const left = () => readKept(join(dir, 'kept.json'))?.envoys.map(({ pid }) => pid);

  test('are the Envoys that run with that program and bootstrap since then', () => {
    write({});
    expect(left()).toEqual([child.pid]);
    expect(findEnvoysOf(dir)).toEqual([child.pid]);
    expect(findEnvoysOf(`${dir}-other`)).toEqual([]);
  });

  test('are those, too, whose binary is a script that leads to the program they run', () => {
    const script = { ...aKeptEnvoy().binary, identity: 'of a script' };
    write({ binary: script });
    expect(left()).toBeUndefined();
    write({ binary: script, program: identifyFile(`/proc/${child.pid}/exe`) });
    expect(left()).toEqual([child.pid]);
  });

  test.each([
    ['started at another time', { startTicks: 1 }],
    ['runs another program', { binary: { ...aKeptEnvoy().binary, identity: 'another' } }],
    ['has another bootstrap', { bootstrapPath: '/elsewhere.json' }],
  ])('is nothing when the process of that number %s', (_what, facts) => {
    write(facts);
    expect(left()).toBeUndefined();
  });

  test('is nothing when the process is gone', async () => {
    write({});
    child.kill('SIGKILL');
    await waitUntil(() => readProcessId(child.pid ?? 0) === undefined);
    expect(left()).toBeUndefined();
  });
});
