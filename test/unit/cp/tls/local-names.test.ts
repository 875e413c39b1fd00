import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { localNames } from '../../../../src/cp/tls/local-names.ts';

const address = (text: string) => ({ address: text }) as NetworkInterfaceInfo;

test('a machine is known by its host name, localhost and all its addresses but link-local ones', () => {
  const interfaces = {
    eth0: [address('10.0.0.7'), address('fe80::1'), address('2001:db8::7')],
    lo: [address('127.0.0.1')],
  };
  expect(localNames(interfaces, 'Web-7')).toEqual({
    names: ['localhost', 'web-7'],
    addresses: ['10.0.0.7', '127.0.0.1', '2001:db8::7', '::1'],
  });
});

test('loopback is always among them', () => {
  expect(localNames({}, 'localhost')).toEqual({ names: ['localhost'], addresses: ['127.0.0.1', '::1'] });
});
