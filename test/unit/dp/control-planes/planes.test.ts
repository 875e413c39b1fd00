import { beforeEach, describe, expect, test } from 'vitest';
import { parseGiven } from '../../../../src/dp/control-planes/given.ts';
import { startHomeComing } from '../../../../src/dp/control-planes/home-coming.ts';
import { orderFor, toPlace } from '../../../../src/dp/control-planes/place.ts';
import { type ControlPlanes, createControlPlanes } from '../../../../src/dp/control-planes/planes.ts';
import { type Resolver, resolveGiven } from '../../../../src/dp/control-planes/resolve.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

const NO_DNS: Resolver = {
  addresses: () => Promise.reject(new Error('ENOTFOUND')),
  srv: () => Promise.reject(new Error('ENOTFOUND')),
};
let clock: FakeClock;

beforeEach(() => {
  clock = createFakeClock();
});

function given(text: string) {
  const parsed = parseGiven(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.given;
}

function planesOf(text: string, more: { resolver?: Resolver; proxy?: string } = {}): ControlPlanes {
  return createControlPlanes({
    given: given(text),
    inOrder: true,
    proxy: 'default/web',
    resolver: NO_DNS,
    clock,
    logger: silentLogger,
    random: () => 0.5,
    ...more,
  });
}

const ABC = 'http://a:1,http://b:1,http://c:1';

describe('addresses as they are given', () => {
  test('commas, spaces, paths and repetitions', () => {
    expect(given(' https://a:5678/x, http://b:5682 ,https://a:5678')).toEqual([
      { kind: 'url', url: new URL('https://a:5678') },
      { kind: 'url', url: new URL('http://b:5682') },
    ]);
  });

  test.each([
    'srv:_kuma._tcp.example.com',
    'srv://_kuma._tcp.example.com/',
    'srv+https:_KUMA._tcp.example.com.',
  ])('%s is a name of the DNS', (text) => {
    expect(given(text)).toEqual([{ kind: 'srv', name: '_kuma._tcp.example.com', protocol: 'https:' }]);
  });

  test.each(['', ',', 'ftp://a', 'a:5678', 'srv:example.com', 'https://a:1,nonsense'])(
    '%j is refused',
    (text) => {
      expect(parseGiven(text).ok).toBe(false);
    },
  );
});

describe('the order of one proxy', () => {
  const candidates = ['a', 'b', 'c'].map((name) => ({
    ...toPlace(new URL(`http://${name}:1`)),
    tier: 0,
    weight: 1,
  }));
  const first = (proxy: string, of = candidates) => orderFor(proxy, of)[0]?.url.hostname ?? '';
  const proxies = Array.from({ length: 3_000 }, (_, i) => `default/p${i}`);

  test('is the same each time, and a fleet spreads evenly', () => {
    const counts = new Map<string, number>();
    for (const proxy of proxies) {
      expect(first(proxy)).toBe(first(proxy, [...candidates].reverse()));
      counts.set(first(proxy), (counts.get(first(proxy)) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(120);
  });

  test('one that goes moves only its own proxies', () => {
    for (const proxy of proxies) {
      const before = first(proxy);
      if (before !== 'c') expect(first(proxy, candidates.slice(0, 2))).toBe(before);
    }
  });

  test('weights and priorities of SRV records are kept', async () => {
    const resolver: Resolver = {
      ...NO_DNS,
      srv: async () => [
        { name: 'big', port: 1, priority: 0, weight: 90 },
        { name: 'small', port: 2, priority: 0, weight: 10 },
        { name: 'spare', port: 3, priority: 1, weight: 100 },
      ],
    };
    const found = await resolveGiven(given('srv:_k._tcp.x'), resolver, false);
    const firsts = proxies.map((proxy) => first(proxy, [...found]));
    expect(firsts).not.toContain('spare');
    expect(firsts.filter((name) => name === 'small').length / proxies.length).toBeCloseTo(0.1, 1);
    for (const proxy of proxies.slice(0, 50))
      expect(orderFor(proxy, found).at(-1)?.url.href).toBe('https://spare:3/');
  });

  test('a name with several addresses is several places; one of each family is one', async () => {
    const addresses: Record<string, string[]> = {
      many: ['10.0.0.1', '10.0.0.2', '::1'],
      dual: ['10.0.0.1', '::1'],
    };
    const resolver: Resolver = { ...NO_DNS, addresses: async (host) => addresses[host] ?? [] };
    const many = await resolveGiven(given('https://many:1'), resolver, true);
    expect(orderFor('x', many).map(({ address }) => address)).toHaveLength(3);
    expect(orderFor('x', many).at(-1)?.address).toBe('::1');
    expect(await resolveGiven(given('https://dual:1'), resolver, true)).toMatchObject([
      { address: undefined },
    ]);
  });
});

describe('whom to ask', () => {
  test('the one in use until it fails, then the next, and not the failed one soon again', async () => {
    const planes = planesOf(ABC);
    const a = await planes.next();
    planes.opened(a);
    expect((await planes.next()).key).toBe(a.key);
    planes.failed(a, 'stream');
    const b = await planes.next();
    expect(b.key).toBe('http://b:1');
    planes.opened(b);
    clock.advance(60_000);
    // Not back by itself: only the home-coming does that.
    expect((await planes.next()).key).toBe(b.key);
  });

  test('when all have failed, the one whose pause ends first, at once', async () => {
    const planes = planesOf(ABC);
    for (const _ of [1, 2, 3]) {
      planes.failed(await planes.next(), 'stream');
      clock.advance(1);
    }
    expect((await planes.next()).key).toBe('http://a:1');
  });

  test('a failed request does not move a stream that is open', async () => {
    const planes = planesOf(ABC);
    const a = await planes.next();
    planes.opened(a);
    planes.failed(a, 'request');
    const b = await planes.next(new Set([a.key]));
    planes.answered(b);
    expect(planes.current?.key).toBe(a.key);
  });

  test('those that are silent for longer than they are left alone keep nobody from the ones behind them', async () => {
    const planes = planesOf(ABC);
    planes.opened(await planes.next());
    const asked: string[] = [];
    for (let i = 0; i < 7; i++) {
      const place = await planes.next();
      asked.push(place.url.hostname);
      clock.advance(60_000);
      planes.failed(place, 'stream');
    }
    expect(asked).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  test('a resolver that fails or hangs leaves what was known', async () => {
    let broken = false;
    const resolver: Resolver = {
      ...NO_DNS,
      srv: () =>
        broken ? new Promise(() => {}) : Promise.resolve([{ name: 'a', port: 1, priority: 0, weight: 1 }]),
    };
    const planes = planesOf('srv+http:_k._tcp.x', { resolver });
    expect((await planes.list())[0]?.url.href).toBe('http://a:1/');
    broken = true;
    clock.advance(31_000);
    const pending = planes.list();
    clock.advance(3_100);
    expect((await pending)[0]?.url.href).toBe('http://a:1/');
  });
});

describe('a resolver that fails', () => {
  const TWO = ['10.0.0.1', '10.0.0.2'];
  const addresses = async (planes: ControlPlanes) =>
    (await planes.list()).map(({ address }) => address).toSorted();

  test('takes none of the addresses away that a name had', async () => {
    let broken = false;
    const resolver: Resolver = {
      ...NO_DNS,
      addresses: () => (broken ? Promise.reject(new Error('EAI_AGAIN')) : Promise.resolve(TWO)),
    };
    const planes = planesOf('http://all:1', { resolver });
    expect(await addresses(planes)).toEqual(TWO);
    broken = true;
    clock.advance(31_000);
    expect(await addresses(planes)).toEqual(TWO);
    broken = false;
  });

  test('for one of several names holds up no news of the others', async () => {
    let more: readonly string[] = TWO;
    const resolver: Resolver = {
      ...NO_DNS,
      srv: async () => {
        if (more === TWO) return [{ name: 'a', port: 1, priority: 0, weight: 1 }];
        throw new Error('ESERVFAIL');
      },
      addresses: async (host) => (host === 'all' ? more : []),
    };
    const planes = planesOf('http://all:1,srv+http:_k._tcp.x', { resolver });
    expect(await addresses(planes)).toEqual([...TWO, undefined]);
    more = [...TWO, '10.0.0.3'];
    clock.advance(31_000);
    expect(await addresses(planes)).toEqual([...more, undefined]);
  });

  test('is told once for each cause, not at each question', async () => {
    const told: string[] = [];
    const planes = createControlPlanes({
      given: given('srv:_k._tcp.x'),
      ...{ inOrder: true, proxy: 'default/web', resolver: NO_DNS, clock },
      logger: { ...silentLogger, warn: (fields) => void told.push(JSON.stringify(fields)) },
    });
    for (let i = 0; i < 20; i++) {
      await planes.list();
      clock.advance(2_000);
    }
    expect(told).toHaveLength(1);
  });

  test('for want of an answer is waited for once, and asked nothing else meanwhile', async () => {
    let questions = 0;
    let answer = (_addresses: readonly string[]): void => {};
    const resolver: Resolver = {
      ...NO_DNS,
      addresses: () => {
        questions++;
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    };
    const planes = planesOf('http://all:1', { resolver });
    const first = planes.list();
    clock.advance(3_100);
    expect(await first).toMatchObject([{ address: undefined }]);
    for (let i = 0; i < 20; i++) {
      clock.advance(2_000);
      // At once: nothing turns the clock.
      expect(await planes.list()).toMatchObject([{ address: undefined }]);
    }
    expect(questions).toBe(1);
    answer(TWO);
    await new Promise(setImmediate);
    expect(await addresses(planes)).toEqual(TWO);
  });
});

test('a service name with one host alone is a choice all the same: it may name another one tomorrow', async () => {
  let host = 'a';
  const resolver: Resolver = {
    ...NO_DNS,
    srv: async () => [{ name: host, port: 1, priority: 0, weight: 1 }],
  };
  const planes = planesOf('srv+http:_k._tcp.x', { resolver });
  const a = await planes.next();
  expect(planes.several).toBe(true);
  planes.opened(a);
  host = 'b';
  clock.advance(31_000);
  planes.failed(a, 'stream');
  expect((await planes.next()).url.href).toBe('http://b:1/');
});

describe('the way back', () => {
  async function run(seconds: number, wellAt: (second: number) => boolean, failAfterReturn: boolean) {
    const planes = planesOf('http://a:1,http://b:1');
    const [a, b] = await planes.list();
    if (a === undefined || b === undefined) throw new Error('two are wanted');
    planes.opened(b);
    const returns: number[] = [];
    let second = 0;
    const way = startHomeComing({
      planes,
      probe: async () => wellAt(second),
      returnAfterMs: 60_000,
      clock,
      logger: silentLogger,
      random: () => 0.5,
      onReturn() {
        returns.push(second);
        planes.opened(a);
        if (!failAfterReturn) return;
        planes.failed(a, 'stream');
        planes.opened(b);
      },
    });
    for (; second < seconds; second++) {
      clock.advance(1_000);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
    way.stop();
    return returns;
  }

  test('begins when the preferred one was well for the whole time', async () => {
    const [at, ...more] = await run(600, () => true, false);
    expect(at).toBeGreaterThan(60);
    expect(at).toBeLessThan(130);
    expect(more).toEqual([]);
  });

  test('does not begin while it comes and goes', async () => {
    expect(await run(1_200, (second) => second % 60 < 40, false)).toEqual([]);
  });

  test('is taken ever more rarely to one that fails each time', async () => {
    const returns = await run(7_200, () => true, true);
    expect(returns.length).toBeGreaterThan(2);
    expect(returns.length).toBeLessThan(8);
  });

  test('begins anew for one that was in use meanwhile and failed', async () => {
    const planes = planesOf('http://a:1,http://b:1');
    const [a, b] = await planes.list();
    if (a === undefined || b === undefined) throw new Error('two are wanted');
    planes.opened(b);
    const returns: number[] = [];
    let second = 0;
    const way = startHomeComing({
      ...{ planes, probe: async () => true, returnAfterMs: 60_000, clock, logger: silentLogger },
      random: () => 0.5,
      onReturn: () => returns.push(second),
    });
    for (; second < 800; second++) {
      // Well for half of the time when the other one broke; in use for long, until it broke, too.
      if (second === 45) planes.failed(b, 'stream');
      if (second === 46) planes.opened(a);
      if (second === 600) planes.failed(a, 'stream');
      if (second === 601) planes.opened(b);
      clock.advance(1_000);
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
    way.stop();
    expect(returns).toHaveLength(1);
    expect(returns[0]).toBeGreaterThan(660);
  });
});
