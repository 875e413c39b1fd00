import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { clonePath, runProgram, startProgram, stopAll, survivors, waitUntil } from '../support/processes.ts';

// The demo's ports are fixed: they are the ones people are told to open.
const DEMO = clonePath('scripts', 'demo.ts');
const demo = (...args: string[]) => runProgram(process.execPath, [DEMO, ...args], { timeoutMs: 120_000 });

afterAll(stopAll);

async function versionsSeen(refreshes: number): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (let n = 0; n < refreshes; n++) {
    const page = await (await fetch('http://127.0.0.1:10501/productpage')).text();
    for (const [version] of page.matchAll(/reviews-v\d/g)) seen.add(version);
  }
  return seen;
}

describe('the demo', () => {
  test('serves all three versions of reviews through the mesh and leaves nothing when it is stopped', async () => {
    const { code, stdout, stderr } = await demo('--detach');
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout).toContain('http://127.0.0.1:10501/productpage');
    const folder = /^Logs +(\S+)\/\*\.log$/m.exec(stdout)?.[1] ?? '';
    expect(existsSync(folder)).toBe(true);
    const [, envoy] = /kill -9 (\d+) +the Envoy/.exec(stdout) ?? [];
    expect(readFileSync(`/proc/${envoy}/comm`, 'utf8')).toBe('envoy\n');
    expect([...(await versionsSeen(60))].sort()).toEqual(['reviews-v1', 'reviews-v2', 'reviews-v3']);

    const second = await demo();
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringMatching(/^demo: a demo of this clone is running/),
    ]);

    expect((await demo('--stop')).stdout).toContain('nothing is left running');
    await waitUntil(() => survivors().length === 0, {
      describe: () => `the end of ${survivors().join(', ')}`,
    });
    expect(existsSync(folder)).toBe(false);
    expect(existsSync(clonePath('.cache', 'demo.json'))).toBe(false);
  });

  test('stops in good order on Ctrl-C, even while it starts', async () => {
    const running = startProgram(process.execPath, [DEMO]);
    const folder = /logs are in (\S+)/.exec(await running.waitForLine('logs are in'))?.[1] ?? '';
    await running.waitForLine('control plane ready');
    expect(await running.stop({ signal: 'SIGINT', timeoutMs: 60_000 })).toEqual({ code: 0, signal: null });
    expect(running.stdout()).toContain('stopped; nothing is left running');
    await waitUntil(() => survivors().length === 0, {
      describe: () => `the end of ${survivors().join(', ')}`,
    });
    expect(existsSync(folder)).toBe(false);
  });

  test('that is killed takes all its programs along, and the next one clears up after it', async () => {
    const running = startProgram(process.execPath, [DEMO]);
    const folder = /logs are in (\S+)/.exec(await running.waitForLine('logs are in'))?.[1] ?? '';
    await running.waitForLine('Ctrl-C stops everything');
    await running.stop({ signal: 'SIGKILL' });
    await waitUntil(() => survivors().length === 0, {
      describe: () => `the end of ${survivors().join(', ')}`,
    });
    expect((await demo('--stop')).stdout).toContain('no demo of this clone is running');
    expect(existsSync(folder)).toBe(false);
  });

  test('says who has a port that it needs, and starts nothing', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(10_301, '127.0.0.1', resolve));
    try {
      const { code, stdout, stderr } = await demo();
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(
        `port 10301, for the proxy of reviews-v2, is taken by process ${process.pid} (`,
      );
    } finally {
      holder.close();
    }
  });

  test('says so when the address is none of this machine', async () => {
    const { code, stderr } = await demo('--ip', '192.0.2.1');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('192.0.2.1 is not an address of this machine'),
    ]);
  });
});
