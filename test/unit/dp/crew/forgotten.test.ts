import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tellForgotten } from '../../../../src/dp/crew/forgotten.ts';
import type { Look } from '../../../../src/dp/crew/places.ts';
import { formatKept } from '../../../../src/dp/run-dir/kept.ts';
import { identifyFile } from '../../../../src/lib/file-identity.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { readCommandLine, readProcessId } from '../../../../src/lib/process-id.ts';
import { aKeptEnvoy } from '../../../support/kept-envoy.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const look = (...names: readonly string[]): Look => ({
  readings: names.map((name) => ({
    path: `/${name}.yaml`,
    outcome: {
      kind: 'good',
      entry: { path: `/${name}.yaml`, mesh: 'default', name, json: '{}', tokenFile: undefined },
    },
  })),
  absent: new Map(),
  hasDirectory: true,
  unsettled: false,
});

test('a kept Envoy whose file went away while no agent was there is told, one whose file is there is not', async () => {
  const runDir = mkdtempSync(join(tmpdir(), 'forgotten-'));
  const dir = join(runDir, 'default.web');
  mkdirSync(dir);
  const bootstrapPath = join(dir, 'bootstrap.0.json');
  const envoy = spawn('/bin/sh', ['-c', 'read -r _', 'envoy', '--config-path', bootstrapPath], {
    detached: true,
  });
  const pid = envoy.pid ?? 0;
  try {
    await waitUntil(() => readCommandLine(pid).includes('--config-path'));
    const kept = aKeptEnvoy({
      ...readProcessId(pid),
      bootstrapPath,
      program: identifyFile(`/proc/${pid}/exe`),
    });
    const record = { mesh: 'default', name: 'web', writtenBy: '1', readinessPort: 1, envoys: [kept] };
    writeFileSync(join(dir, 'kept.json'), formatKept(record));
    const told: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: unknown, message: string) => void told.push(message),
    };
    tellForgotten(runDir, look('web', 'other'), logger);
    expect(told).toEqual([]);
    tellForgotten(runDir, look('other'), logger);
    expect(told).toEqual([
      expect.stringMatching(/^Envoy of default\.web was kept .*: kuma-dp stop default\.web --run-dir \S+$/),
    ]);
  } finally {
    envoy.kill('SIGKILL');
    rmSync(runDir, { recursive: true });
  }
});
