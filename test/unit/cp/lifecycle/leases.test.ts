import { describe, expect, test } from 'vitest';
import { ProxyLeases } from '../../../../src/cp/lifecycle/leases.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const GRACE = 3_000;
const LEASE = 60_000;

function setUp() {
  const clock = createFakeClock();
  const seen = new Map<string, string>();
  const leases = new ProxyLeases({
    clock,
    logger: silentLogger,
    graceMs: GRACE,
    leaseMs: LEASE,
    onLiveness: ({ name }, liveness) => seen.set(name, liveness),
  });
  return { clock, seen, leases, proxy: (name: string) => ({ mesh: 'm', name }) };
}

describe('a lost stream', () => {
  test('keeps the endpoints untouched while the proxy may return', () => {
    const { clock, seen, leases, proxy } = setUp();
    leases.connected(proxy('a'), '10.0.0.1');
    leases.lost(proxy('a'));
    clock.advance(GRACE - 1);
    expect(seen.get('a')).toBe('serving');
    leases.connected(proxy('a'), '10.0.0.1');
    clock.advance(LEASE * 2);
    expect(seen.get('a')).toBe('serving');
    expect(clock.pending).toBe(0);
  });

  test('degrades them after the grace and takes them out when the lease is over', () => {
    const { clock, seen, leases, proxy } = setUp();
    leases.connected(proxy('a'), '10.0.0.1');
    leases.lost(proxy('a'));
    clock.advance(GRACE);
    expect(seen.get('a')).toBe('degraded');
    clock.advance(LEASE - GRACE - 1);
    expect(seen.get('a')).toBe('degraded');
    clock.advance(1);
    expect(seen.get('a')).toBe('out');
  });

  test('a proxy that comes back after its lease serves again', () => {
    const { clock, seen, leases, proxy } = setUp();
    leases.connected(proxy('a'), '10.0.0.1');
    leases.lost(proxy('a'));
    clock.advance(LEASE);
    leases.connected(proxy('a'), '10.0.0.1');
    expect(seen.get('a')).toBe('serving');
  });
});

test('an announced leave is out at once, and the stream that ends afterwards changes nothing', () => {
  const { clock, seen, leases, proxy } = setUp();
  leases.connected(proxy('a'), '10.0.0.1');
  leases.left(proxy('a'));
  expect(seen.get('a')).toBe('out');
  leases.lost(proxy('a'));
  clock.advance(LEASE);
  expect(seen.get('a')).toBe('out');
});

test('after a restart of the control plane a proxy that does not return is out after one whole lease', () => {
  const { clock, seen, leases, proxy } = setUp();
  leases.awaitReturn(proxy('a'), '10.0.0.1');
  clock.advance(LEASE - 1);
  expect(seen.get('a')).toBe('serving');
  clock.advance(1);
  expect(seen.get('a')).toBe('out');
});

describe('many proxies lost together', () => {
  function loseMany(addresses: readonly string[], healthy = 0) {
    const set = setUp();
    addresses.forEach((address, i) => {
      set.leases.connected(set.proxy(`p${i}`), address);
    });
    for (let i = 0; i < healthy; i++) set.leases.connected(set.proxy(`h${i}`), `10.1.0.${i}`);
    addresses.forEach((_, i) => {
      set.leases.lost(set.proxy(`p${i}`));
    });
    return set;
  }
  const spread = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6'];

  test('on several addresses: their endpoints are kept, for ten minutes', () => {
    const { clock, seen } = loseMany(spread);
    clock.advance(599_999);
    expect([...seen.values()]).toEqual(spread.map(() => 'serving'));
    clock.advance(1);
    expect(new Set(seen.values())).toEqual(new Set(['degraded']));
    clock.advance(LEASE);
    expect(new Set(seen.values())).toEqual(new Set(['out']));
  });

  test('half of them back ends the suspicion; the others get a lease of their own', () => {
    const { clock, seen, leases, proxy } = loseMany(spread);
    clock.advance(100_000);
    for (const i of [0, 1, 2]) leases.connected(proxy(`p${i}`), spread[i] ?? '');
    expect(seen.get('p5')).toBe('degraded');
    clock.advance(LEASE);
    expect(seen.get('p0')).toBe('serving');
    expect(seen.get('p5')).toBe('out');
  });

  test('on one address it is a dead host', () => {
    const { clock, seen } = loseMany(spread.map(() => '10.0.0.1'));
    clock.advance(LEASE);
    expect(new Set(seen.values())).toEqual(new Set(['out']));
  });

  test('a small share of a large mesh is no reason for doubt', () => {
    const { clock, seen } = loseMany(spread, 20);
    clock.advance(LEASE);
    expect(seen.get('p0')).toBe('out');
  });

  test('one after the other over a long time is no reason for doubt', () => {
    const { clock, seen, leases, proxy } = setUp();
    spread.forEach((address, i) => {
      leases.connected(proxy(`p${i}`), address);
    });
    spread.forEach((_, i) => {
      leases.lost(proxy(`p${i}`));
      clock.advance(11_000);
    });
    clock.advance(LEASE);
    expect(new Set(seen.values())).toEqual(new Set(['out']));
  });

  test('does not bring back hosts that were missing long before', () => {
    const { clock, seen, leases, proxy } = setUp();
    leases.connected(proxy('dead'), '10.0.9.9');
    leases.lost(proxy('dead'));
    clock.advance(GRACE + 20_000);
    spread.forEach((address, i) => {
      leases.connected(proxy(`p${i}`), address);
    });
    spread.forEach((_, i) => {
      leases.lost(proxy(`p${i}`));
    });
    expect(seen.get('dead')).toBe('degraded');
    expect(seen.get('p5')).toBe('serving');
    for (const i of [0, 1, 2]) leases.connected(proxy(`p${i}`), spread[i] ?? '');
    expect(seen.get('p5')).toBe('degraded');
    clock.advance(LEASE);
    expect(seen.get('dead')).toBe('out');
  });

  test('are found back although hosts that were missing before stay away', () => {
    const { clock, seen, leases, proxy } = setUp();
    for (let i = 0; i < 4; i++) {
      leases.connected(proxy(`dead${i}`), '10.0.9.9');
      leases.lost(proxy(`dead${i}`));
    }
    clock.advance(20_000);
    const addresses = [...spread, '10.0.0.7', '10.0.0.8'];
    addresses.forEach((address, i) => {
      leases.connected(proxy(`p${i}`), address);
    });
    addresses.forEach((_, i) => {
      leases.lost(proxy(`p${i}`));
    });
    clock.advance(100_000);
    expect(seen.get('p7')).toBe('serving');
    for (const i of [0, 1, 2, 3]) leases.connected(proxy(`p${i}`), addresses[i] ?? '');
    expect(seen.get('p7')).toBe('degraded');
  });

  test('those a restarted control plane still waits for are no loss', () => {
    const { clock, seen, leases, proxy } = setUp();
    spread.forEach((address, i) => {
      leases.awaitReturn(proxy(`p${i}`), address);
    });
    leases.connected(proxy('p0'), '10.0.0.1');
    leases.lost(proxy('p0'));
    clock.advance(LEASE);
    expect(new Set(seen.values())).toEqual(new Set(['out']));
  });
});

test('a lease that runs out is told, an announced leave is not', () => {
  const clock = createFakeClock();
  const expired: string[] = [];
  const leases = new ProxyLeases({
    clock,
    logger: silentLogger,
    graceMs: GRACE,
    leaseMs: LEASE,
    onLiveness: () => {},
    onExpired: ({ name }) => expired.push(name),
  });
  for (const name of ['a', 'b']) leases.connected({ mesh: 'm', name }, '10.0.0.1');
  leases.left({ mesh: 'm', name: 'a' });
  leases.lost({ mesh: 'm', name: 'b' });
  clock.advance(LEASE);
  expect(expired).toEqual(['b']);
});
