import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
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
