import { describe, expect, test } from 'vitest';
import { keyOf, meets, overlap, type Place, toPlace } from '../../../../src/dp/ports/place.ts';
import { toHexAddress } from '../../../../src/lib/ip-address.ts';

function at(address: string, more: { port?: number; protocol?: 'tcp' | 'udp'; dual?: boolean } = {}): Place {
  const place = toPlace({ protocol: 'tcp', port: 80, dual: false, ...more, address });
  if (place === undefined) throw new Error(`${address} is no address`);
  return place;
}

const listening = (address: string) => ({
  ...{ protocol: 'tcp' as const, port: 80, uid: 0, inode: '1' },
  address: toHexAddress(address) ?? '',
});

describe('two places', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['0.0.0.0', '127.0.0.2', true],
    ['10.0.0.1', '0.0.0.0', true],
    ['::', '2001:db8::1', true],
    ['::', '127.0.0.1', false],
    ['::', '0.0.0.0', false],
    ['::1', '0:0:0:0:0:0:0:1', true],
    ['::ffff:127.0.0.1', '127.0.0.1', true],
  ])('%s and %s: the same to a client is %s', (one, other, same) => {
    expect(overlap(at(one), at(other))).toBe(same);
    expect(overlap(at(other), at(one))).toBe(same);
  });

  test('of another port or protocol never meet', () => {
    expect(overlap(at('0.0.0.0'), at('0.0.0.0', { port: 81 }))).toBe(false);
    expect(overlap(at('0.0.0.0'), at('0.0.0.0', { protocol: 'udp' }))).toBe(false);
  });

  test('that are the same have the same key, however they are written', () => {
    expect(keyOf(at('::1'))).toBe(keyOf(at('0::0:1')));
    expect(keyOf(at('::', { dual: true }))).not.toBe(keyOf(at('::')));
  });

  test('an IPv6 socket that takes IPv4 meets all of both families', () => {
    for (const address of ['127.0.0.1', '0.0.0.0', '::1', '::'])
      expect(overlap(at('::', { dual: true }), at(address))).toBe(true);
  });

  test('a name is no place', () => {
    expect(toPlace({ protocol: 'tcp', address: 'localhost', port: 80, dual: false })).toBeUndefined();
  });
});

test('whether a socket of others for all IPv6 addresses takes IPv4 is open; in all else the kernel is exact', () => {
  expect(meets(at('127.0.0.1'), listening('::'))).toBe('maybe');
  expect(meets(at('::1'), listening('::'))).toBe('yes');
  expect(meets(at('127.0.0.1'), listening('::ffff:127.0.0.1'))).toBe('yes');
  expect(meets(at('127.0.0.1'), listening('::1'))).toBe('no');
  expect(meets(at('0.0.0.0'), listening('10.1.2.3'))).toBe('yes');
});
