import { expect, test } from 'vitest';
import { toHexAddress } from '../../../src/lib/ip-address.ts';

test.each([
  ['127.0.0.1', '7f000001'],
  ['0.0.0.0', '00000000'],
  ['::', '0'.repeat(32)],
  ['::1', `${'0'.repeat(31)}1`],
  ['1::', `0001${'0'.repeat(28)}`],
  ['2001:DB8::a:1', '20010db80000000000000000000a0001'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
  ['fe80::1%lo', 'fe800000000000000000000000000001'],
])('%s is %s in the order of the network', (text, hex) => {
  expect(toHexAddress(text)).toBe(hex);
});

test.each(['', 'localhost', '1.2.3', '1.2.3.4.5', ':::', '12345::', '@internal'])(
  '%s is no address',
  (text) => {
    expect(toHexAddress(text)).toBeUndefined();
  },
);
