import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { askHolder, listClaims, tryClaim } from '../../../src/lib/host-claim.ts';

const NAME = `test-claim/${process.pid}`;

test('a name has one holder, which says who it is, until it lets go', async () => {
  const claim = await tryClaim(NAME, () => 'somebody');
  expect(claim).toBeDefined();
  expect(await tryClaim(NAME, () => 'another')).toBeUndefined();
  expect(await askHolder(NAME, 15_000)).toBe('somebody');
  expect(listClaims('test-claim/')).toContain(NAME);
  claim?.release();
  expect(listClaims('test-claim/')).not.toContain(NAME);
  const again = await tryClaim(NAME, () => '');
  expect(again).toBeDefined();
  again?.release();
});

test('of many at once exactly one gets it', async () => {
  const claims = await Promise.all(Array.from({ length: 20 }, () => tryClaim(`${NAME}/many`, () => '')));
  expect(claims.filter((claim) => claim !== undefined)).toHaveLength(1);
  for (const claim of claims) claim?.release();
});

test('a holder that is silent, talks too much or is none costs a short time and no strange characters', async () => {
  expect(await askHolder(`${NAME}/nobody`, 15_000)).toBe('');
  const silent = createServer(() => {}).listen(`\0${NAME}/silent`);
  expect(await askHolder(`${NAME}/silent`, 50)).toBe('');
  const loud = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(`\x1b[31m${'x'.repeat(100_000)}`);
  }).listen(`\0${NAME}/loud`);
  const text = await askHolder(`${NAME}/loud`, 15_000);
  expect(text.length).toBeLessThanOrEqual(1_000);
  expect(text.startsWith('?[31mxx')).toBe(true);
  silent.close();
  loud.close();
});
