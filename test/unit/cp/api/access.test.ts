import { describe, expect, test } from 'vitest';
import {
  type AccessRules,
  type Caller,
  decideAccess,
  describeUser,
  isLoopback,
} from '../../../../src/cp/api/access.ts';

const RULES: AccessRules = { hostNames: ['CP.example'], readOnly: false, localhostIsAdmin: true };
const LOCAL: Caller = {
  method: 'PUT',
  peerAddress: '127.0.0.1',
  scheme: 'http',
  host: 'localhost:5681',
  origin: undefined,
  secFetchSite: undefined,
  forwarded: false,
};

function decide(caller: Partial<Caller>, rules: Partial<AccessRules> = {}): string {
  const decision = decideAccess({ ...LOCAL, ...caller }, { ...RULES, ...rules });
  return decision.kind === 'denied' ? `denied: ${decision.reason}` : decision.kind;
}

describe('changes', () => {
  test.each([
    ['localhost with a port', { host: 'localhost:5681' }],
    ['localhost in capitals', { host: 'LOCALHOST' }],
    ['an IPv4 loopback address', { host: '127.0.0.1:5681' }],
    ['another address of 127.0.0.0/8', { host: '127.0.0.2:5681', peerAddress: '127.0.0.2' }],
    ['an IPv6 loopback address', { host: '[::1]:5681', peerAddress: '::1' }],
    ['a dual-stack socket', { peerAddress: '::ffff:127.0.0.1' }],
    ['a page of the control plane itself', { origin: 'http://localhost:5681', secFetchSite: 'same-origin' }],
    [
      'a page served over TLS',
      { scheme: 'https', host: 'localhost:5682', origin: 'https://localhost:5682' } as const,
    ],
  ])('are accepted from this machine through %s', (_what, caller) => {
    expect(decide(caller)).toBe('allowed');
  });

  test.each([
    [
      'another machine',
      { peerAddress: '192.168.0.9', host: '192.168.0.5:5681' },
      'the call comes from 192.168.0.9',
    ],
    [
      'another machine that claims localhost',
      { peerAddress: '192.168.0.9' },
      'the call comes from 192.168.0.9',
    ],
    ['a mapped address of another machine', { peerAddress: '::ffff:10.0.0.9' }, 'the call comes from'],
    ['a reverse proxy on this machine', { forwarded: true }, 'forwarded by a proxy'],
    ["one of this machine's own addresses", { host: '192.168.0.5:5681' }, 'use http://localhost'],
    ['a configured name', { host: 'cp.example:5681' }, 'use http://localhost'],
    ['an unknown peer', { peerAddress: '' }, 'the call comes from'],
  ])('are refused from %s', (_what, caller, reason) => {
    expect(decide(caller)).toContain(reason);
  });

  test('without localhostIsAdmin nobody may write', () => {
    expect(decide({}, { localhostIsAdmin: false })).toMatch(/^denied/);
    expect(decide({ method: 'GET' }, { localhostIsAdmin: false })).toBe('allowed');
  });

  test('are answered as impossible, not as forbidden, while the control plane is read-only', () => {
    expect(decide({}, { readOnly: true })).toBe('read-only');
    expect(decide({ method: 'GET' }, { readOnly: true })).toBe('allowed');
  });

  test.each(['POST', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', ''])(
    'by the method "%s" count as changes',
    (method) => {
      expect(decide({ method, peerAddress: '10.0.0.9' })).toContain('denied');
    },
  );
});

describe('reads', () => {
  test.each([
    ['another machine by address', { peerAddress: '192.168.0.9', host: '192.168.0.5:5681' }],
    ['another machine by IPv6 address', { peerAddress: 'fd00::9', host: '[fd00::5]:5681' }],
    ['another machine by a configured name', { peerAddress: '192.168.0.9', host: 'CP.example:5681' }],
    ['a reverse proxy', { forwarded: true }],
  ])('are open to %s, which does not become admin by it', (_what, caller) => {
    const decision = decideAccess({ ...LOCAL, method: 'GET', ...caller }, RULES);
    expect(decision).toMatchObject({ kind: 'allowed', user: { name: 'mesh-system:anonymous' } });
  });

  test('from this machine are those of the admin', () => {
    const decision = decideAccess({ ...LOCAL, method: 'GET' }, RULES);
    expect(decision).toMatchObject({ kind: 'allowed', user: { name: 'mesh-system:admin' } });
  });
});

describe('web pages', () => {
  test.each([
    ['GET', { secFetchSite: 'cross-site' }],
    ['GET', { secFetchSite: 'same-site' }],
    ['PUT', { secFetchSite: 'same-origin, cross-site' }],
    ['PUT', { origin: 'https://evil.example' }],
    ['PUT', { origin: 'null' }],
    ['PUT', { origin: '' }],
    ['PUT', { origin: 'http://localhost:3000' }],
    ['PUT', { origin: 'https://localhost:5681' }],
    ['GET', { origin: 'http://localhost.evil.example:5681' }],
    ['PUT', { origin: 'http://localhost:5681', secFetchSite: 'cross-site' }],
    ['PUT', { origin: 'http://localhost:5681, http://evil.example' }],
    ['OPTIONS', { origin: 'https://evil.example' }],
  ])('of another origin are refused for %s with %j', (method, caller) => {
    expect(decide({ method, ...caller })).toContain('denied: a web page');
  });

  test.each([
    'evil.example:5681',
    'localhost.evil.example',
    'evil.localhost',
    'localhost.',
    'cp.example.evil.org',
    '127.0.0.1.nip.io',
  ])('cannot reach the API under the name %s that was bound to this machine afterwards', (host) => {
    expect(decide({ method: 'GET', host, secFetchSite: 'same-origin' })).toContain('does not go by');
  });

  test.each([
    undefined,
    '',
    'local host',
    'localhost:99999999',
    'user@localhost',
    'localhost/x',
    '[evil]',
    '[1.2.3.4]',
    'a, b',
    'localhost:',
  ])('and anybody else need a Host header that is one, not %j', (host) => {
    expect(decide({ method: 'GET', host })).toContain('is not a host name');
  });
});

test('a refusal names the user the way 2.14 does', () => {
  const decision = decideAccess({ ...LOCAL, peerAddress: '10.0.0.9' }, RULES);
  expect(decision.kind === 'denied' && describeUser(decision.user)).toBe(
    'user "mesh-system:anonymous/mesh-system:unauthenticated"',
  );
});

test.each([
  ['127.0.0.1', true],
  ['127.255.0.3', true],
  ['::1', true],
  ['::FFFF:127.0.0.1', true],
  ['128.0.0.1', false],
  ['127.evil.example', false],
  ['::ffff:10.0.0.1', false],
  ['', false],
])('whether %s is this machine: %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});
