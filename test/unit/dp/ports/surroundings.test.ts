import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Place, toPlace } from '../../../../src/dp/ports/place.ts';
import { openSurroundings } from '../../../../src/dp/ports/surroundings.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

const servers: Server[] = [];
let places: readonly Place[];

beforeAll(async () => {
  for (let i = 0; i < 60; i++) servers.push(createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  places = servers.flatMap((server) => {
    const { port } = server.address() as AddressInfo;
    return toPlace({ protocol: 'tcp', address: '127.0.0.1', port, dual: false }) ?? [];
  });
});

afterAll(() => {
  for (const server of servers) server.close();
});

const surroundings = openSurroundings({ dir: '/nowhere/m.n', mesh: 'm', name: 'n', logger: silentLogger });

/** The quickest of some, so that what else the host does is left out. */
function timeOf(looked: readonly Place[]): number {
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    surroundings.look(looked);
    return performance.now() - start;
  });
  return Math.min(...times);
}

test('each of many taken ports is found with its holder', () => {
  const found = surroundings.look(places);
  expect(found).toHaveLength(60);
  for (const { owner } of found) expect(owner).toMatch(new RegExp(`^process ${process.pid} \\(`));
});

test('a look at many taken ports takes little longer than at one: an agent does nothing else meanwhile', () => {
  expect(timeOf(places)).toBeLessThan(10 * timeOf(places.slice(0, 1)) + 5);
});

test('the port of an adopted Envoy is its own, by whatever path the run directory was named when it started', async () => {
  const base = mkdtempSync(join(tmpdir(), 'surroundings-'));
  mkdirSync(join(base, 'run', 'm.n'), { recursive: true });
  symlinkSync('run', join(base, 'link'));
  const serve =
    "require('net').createServer().listen(0,'127.0.0.1',function(){console.log(this.address().port)})";
  const bootstrap = join(base, 'run', 'm.n', 'bootstrap.3.json');
  const envoy = spawn(process.execPath, ['-e', serve, '--', '--config-path', bootstrap]);
  try {
    const [port] = (await once(envoy.stdout, 'data')) as [Buffer];
    const place = toPlace({ protocol: 'tcp', address: '127.0.0.1', port: Number(port), dual: false });
    const look = (dir: string) =>
      openSurroundings({ dir, mesh: 'm', name: 'n', logger: silentLogger }).look(
        place === undefined ? [] : [place],
      );
    expect(look(join(base, 'link', 'm.n'))).toEqual([]);
    expect(look(join(base, 'run', 'm.n'))).toEqual([]);
    expect(look(join(base, 'other', 'm.n'))).toMatchObject([{ byAgent: true }]);
  } finally {
    envoy.kill('SIGKILL');
    rmSync(base, { recursive: true, force: true });
  }
});
