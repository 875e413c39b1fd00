import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtProgram, clonePath, runProgram } from '../support/processes.ts';
import { createTestMesh, MESH, type TestMesh } from './support/mesh.ts';

const bundle = (name: string) => readFileSync(clonePath('dist', 'lib', name), 'utf8');

describe('what an agent keeps in memory of its own program', () => {
  test('is text of one byte a character: one other would double all of it', () => {
    for (const name of ['kuma-dp.cjs', 'kuma-dp.execa.cjs'])
      expect(Array.from(bundle(name).matchAll(/[^\0-\xff]/g), String), name).toEqual([]);
  });

  test('does not hold execa, which only `kuma-dp envoy install` needs', () => {
    const ofExeca = /stripFinalNewline/;
    expect(bundle('kuma-dp.execa.cjs')).toMatch(ofExeca);
    expect(bundle('kuma-dp.cjs')).not.toMatch(ofExeca);
    expect(bundle('kuma-dp.cjs').length).toBeLessThan(900_000);
  });

  test('can be loaded from its file when it is needed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'footprint-'));
    const python = join(folder, 'python3');
    writeFileSync(python, '#!/bin/sh\necho the words of pip >&2\nexit 3\n', { mode: 0o755 });
    const { code, stderr } = await runProgram(
      builtProgram('kuma-dp'),
      ['envoy', 'install', '9.9.9', '--sha256', '0'.repeat(64)],
      { env: { KUMA_DP_CACHE: folder, PATH: `${folder}:${process.env.PATH}` } },
    );
    rmSync(folder, { recursive: true });
    expect(code).not.toBe(0);
    expect(stderr).toContain('exit code 3: the words of pip');
  });
});

describe('an agent that its launcher gave settings of the allocator', () => {
  let mesh: TestMesh;
  beforeAll(async () => {
    mesh = await createTestMesh();
    await mesh.startControlPlane();
    await mesh.apply(`type: Mesh\nname: ${MESH}`);
  });
  afterAll(() => mesh.close());

  test('runs with them, and starts others with the environment the user gave', async () => {
    const path = join(mesh.home, 'small.yaml');
    writeFileSync(path, DATAPLANE);
    const agent = mesh.shell.start(`kuma-dp run -d ${path} -- sh -c 'env; echo end of env; exec sleep 60'`, {
      KUMA_DATAPLANE_MESH: '',
      KUMA_DATAPLANE_NAME: '',
      MALLOC_TRIM_THRESHOLD_: '262144',
    });
    await agent.waitForLine('end of env');
    const started = readFileSync(`/proc/${agent.pid}/environ`, 'utf8').split('\0').filter(isOfAllocator);
    expect(started.sort()).toEqual([
      'KUMA_LAUNCHER_SET=MALLOC_ARENA_MAX',
      'MALLOC_ARENA_MAX=1',
      'MALLOC_TRIM_THRESHOLD_=262144',
    ]);
    expect(agent.stdout().split('\n').filter(isOfAllocator)).toEqual(['MALLOC_TRIM_THRESHOLD_=262144']);
    await agent.stop();
  });
});

const isOfAllocator = (variable: string) => /^(MALLOC_|KUMA_LAUNCHER_SET)/.test(variable);

const DATAPLANE = `type: Dataplane
mesh: ${MESH}
name: small
networking:
  address: 127.0.0.1
  inbound:
  - {port: 23021, servicePort: 23022, tags: {kuma.io/service: small}}
`;
