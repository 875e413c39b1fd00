import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createKumactl } from '../../support/run-kumactl.ts';
import { startDouble } from './double.ts';

const PROGRAM = join(import.meta.dirname, '../../../src/bin/kumactl.ts');
const MANY = Array.from({ length: 1000 }, (_, i) => ({ name: `mesh-${i}-${'x'.repeat(1000)}` }));

describe('the program', () => {
  test('ends with the exit code of its command, results on stdout and errors on stderr', async () => {
    await using double = await startDouble(() => [200, { total: 0, items: [], next: null }]);
    await using kumactl = await createKumactl(double.url);
    const run = (...args: string[]) =>
      new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
        execFile(
          process.execPath,
          [PROGRAM, ...args],
          { env: { HOME: kumactl.dir } },
          (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
        );
      });
    expect(await run('get', 'meshes')).toEqual({
      code: 0,
      stdout: 'NAME   mTLS   LOCALITY   ZONEEGRESS   AGE\n',
      stderr: '',
    });
    expect(await run('get', 'nonsense')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^Error: unknown TYPE/),
    });
  });

  test('takes piped input, all of it', async () => {
    await using double = await startDouble(() => [201, {}]);
    await using kumactl = await createKumactl(double.url);
    const child = spawn(process.execPath, [PROGRAM, 'apply'], { env: { HOME: kumactl.dir } });
    const exited = once(child, 'exit');
    for (let i = 0; i < 200; i++) child.stdin.write(`---\ntype: Mesh\nname: m${i}\n# ${'x'.repeat(1000)}\n`);
    child.stdin.end();
    child.stdout.resume();
    expect((await exited)[0]).toBe(0);
    expect(double.calls()).toHaveLength(200);
  });

  test('does not lose the end of a long output, and ends quietly when its reader leaves', async () => {
    await using double = await startDouble(() => [200, { total: MANY.length, items: MANY, next: null }]);
    await using kumactl = await createKumactl(double.url);
    const shell = async (line: string) => {
      const child = spawn('sh', ['-c', line], {
        env: { HOME: kumactl.dir, NODE: process.execPath, PROGRAM },
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk) => (out += chunk));
      child.stderr.on('data', (chunk) => (err += chunk));
      await once(child, 'close');
      return { out, err };
    };
    const all = await shell('"$NODE" "$PROGRAM" get meshes | tail -n 1');
    expect(all.out).toMatch(/^mesh-999-x+ /);
    expect(await shell('"$NODE" "$PROGRAM" get meshes | head -c 4')).toEqual({ out: 'NAME', err: '' });
  });
});
