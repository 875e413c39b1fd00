import { expect, test } from 'vitest';
import { isLookingUp, lookup, lookupAll } from '../../../src/lib/lookup.ts';

/** One name for the system, five for us, and none of them needs a name server. */
const HOSTS = ['LOCALHOST', 'Localhost', 'LocalHost', 'lOCALHOST', 'localHost'];

test('the same name is asked for once at a time, whoever waits for it', async () => {
  const asked = lookupAll('localhost');
  expect(lookupAll('localhost')).toBe(asked);
  expect(lookupAll('localhost', { family: 4 })).not.toBe(asked);
  expect(isLookingUp()).toBe(true);
  expect((await asked).map(({ address }) => address)).toContain('127.0.0.1');
  await lookupAll('localhost', { family: 4 });
  expect(isLookingUp()).toBe(false);
  const again = lookupAll('localhost');
  expect(again).not.toBe(asked);
  await again;
});

test('more names than there are threads for all get their answer', async () => {
  const all = await Promise.all(HOSTS.map((host) => lookupAll(host, { family: 4 })));
  expect(all.map(([first]) => first?.address)).toEqual(HOSTS.map(() => '127.0.0.1'));
  expect(isLookingUp()).toBe(false);
});

test('sockets get one address or all of them, or the error of the system', async () => {
  const ask = (host: string, all: boolean) =>
    new Promise((resolve) => {
      lookup(host, { family: 4, all }, (error, address, family) =>
        resolve(error === null ? [address, family] : error.code),
      );
    });
  expect(await ask('localhost', false)).toEqual(['127.0.0.1', 4]);
  expect(await ask('localhost', true)).toEqual([[{ address: '127.0.0.1', family: 4 }], undefined]);
  expect(await ask('no such name', false)).toMatch(/ENOTFOUND|EAI_AGAIN/);
});
