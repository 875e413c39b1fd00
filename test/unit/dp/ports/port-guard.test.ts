import { beforeEach, describe, expect, test } from 'vitest';
import { keyOf, overlap, type Place, type Taken } from '../../../../src/dp/ports/place.ts';
import { type GuardedListener, PortGuard } from '../../../../src/dp/ports/port-guard.ts';
import type { Surroundings } from '../../../../src/dp/ports/surroundings.ts';
import { type Logger, silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

/** A host on which ports are taken by word. */
class Host {
  /** Key → agent. */
  readonly claims = new Map<string, { readonly place: Place; readonly agent: string }>();
  /** `tcp 127.0.0.1:80` → who listens. */
  readonly listening = new Map<string, string>();
  /** Where the Envoy of an agent listens itself. */
  readonly open = new Set<string>();
  looks = 0;

  of(agent: string): Surroundings {
    const look = (places: readonly Place[]): readonly Taken[] =>
      places.flatMap((place) => {
        const owner = this.listening.get(place.text);
        return owner === undefined ? [] : [{ kind: 'taken' as const, place, owner, byAgent: false }];
      });
    return {
      look: (places) => {
        this.looks++;
        return look(places);
      },
      probe: async (places) => look(places),
      open: (places) => places.filter(({ text }) => this.open.has(text)),
      claims: () => [...this.claims].map(([key, { place }]) => ({ ...place, key })),
      askClaimant: async (key) => this.claims.get(key)?.agent ?? '',
      claim: async (place) => {
        const key = keyOf(place);
        if (this.claims.has(key)) return undefined;
        this.claims.set(key, { place, agent });
        return () => void this.claims.delete(key);
      },
    };
  }
}

function listener(name: string, port: number, address = '127.0.0.1'): GuardedListener {
  return { name, bindings: [{ protocol: 'tcp', address, port, dual: false }] };
}

let host: Host;
let clock: FakeClock;
let warnings: string[];
const logger: Logger = { ...silentLogger, warn: (_, message) => void warnings.push(message) };

beforeEach(() => {
  host = new Host();
  clock = createFakeClock();
  warnings = [];
});

interface Agent {
  readonly guard: PortGuard;
  changes: number;
  set(...listeners: readonly GuardedListener[]): Promise<void>;
}

function agent(name: string): Agent {
  const guard = new PortGuard({ surroundings: host.of(name), clock, logger });
  let current: readonly GuardedListener[] = [];
  const self: Agent = {
    guard,
    changes: 0,
    async set(...listeners) {
      current = listeners;
      guard.announce();
      await rest();
    },
  };
  guard.connect({ listeners: () => current, changed: () => void self.changes++ });
  return self;
}

/** Until promises that wait for nothing outside are done. */
const rest = () => new Promise((resolve) => setImmediate(resolve));

async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    clock.advance(50);
    await rest();
  }
}

describe('a port', () => {
  test('is decided on before anything goes, and only once', async () => {
    const one = agent('one');
    const l = listener('l', 80);
    const set = one.set(l);
    expect(one.guard.deciding).toBe(true);
    await set;
    expect(one.guard.deciding).toBe(false);
    expect(one.guard.obstacle(l)).toBeUndefined();
    expect(one.changes).toBe(1);
    const { looks } = host;
    await one.set(l);
    expect(host.looks).toBe(looks);
  });

  test('that somebody listens on holds its listener back until it is free; said once', async () => {
    host.listening.set('tcp 127.0.0.1:80', 'process 7 (node app.js)');
    const one = agent('one');
    const l = listener('inbound:127.0.0.1:80', 80);
    await one.set(l, listener('other', 81));
    expect(one.guard.obstacles).toEqual([expect.stringContaining('tcp 127.0.0.1:80 is taken by process 7')]);
    expect(one.guard.obstacles[0]).toContain('an application must not listen where its own proxy does');
    expect(host.claims.has('tcp/80/7f000001')).toBe(false);
    await pass(5_000);
    expect(warnings).toHaveLength(1);
    host.listening.clear();
    await pass(2_000);
    expect(one.guard.obstacle(l)).toBeUndefined();
    expect(one.guard.missing).toEqual(['Envoy to open tcp 127.0.0.1:80']);
    one.guard.opened();
    expect(one.guard.missing).toEqual([]);
    expect(one.changes).toBe(2);
    expect(clock.pending).toBeLessThanOrEqual(1);
  });

  test('is counted once for each listener, however many of its ports are taken or versions of it are known', async () => {
    host.listening.set('tcp 127.0.0.1:80', 'process 7 (node app.js)');
    host.listening.set('tcp 127.0.0.1:81', 'process 8 (node app.js)');
    const one = agent('one');
    expect(one.guard.heldBack).toBe(0);
    await one.set(listener('a', 80), listener('a', 81), listener('b', 80), listener('c', 82));
    expect(one.guard.heldBack).toBe(2);
    host.listening.clear();
    await pass(2_000);
    expect(one.guard.heldBack).toBe(0);
    one.guard.stop();
  });

  test('of two agents at once goes to one, and to the other when that one ends', async () => {
    const [one, two] = [agent('one'), agent('two')];
    const l = listener('l', 80);
    await Promise.all([one.set(l), two.set(l)]);
    expect([...one.guard.obstacles, ...two.guard.obstacles]).toEqual([
      'listener l is held back: tcp 127.0.0.1:80 is taken by one',
    ]);
    one.guard.stop();
    await pass(2_000);
    expect(two.guard.obstacles).toEqual([]);
    two.guard.stop();
    expect(host.claims.size).toBe(0);
  });

  test('of all addresses and of one of them never go to two agents, whichever comes first', async () => {
    for (const addresses of [
      ['0.0.0.0', '127.0.0.1'],
      ['127.0.0.1', '0.0.0.0'],
    ]) {
      const [one, two] = [agent('one'), agent('two')];
      await one.set(listener('l', 80, addresses[0]));
      await two.set(listener('l', 80, addresses[1]));
      expect(one.guard.obstacles).toEqual([]);
      expect(two.guard.obstacles).toEqual([expect.stringContaining('is taken by one')]);
      one.guard.stop();
      two.guard.stop();
    }
    const [one, two] = [agent('one'), agent('two')];
    await Promise.all([one.set(listener('l', 80, '0.0.0.0')), two.set(listener('l', 80))]);
    const held = [...host.claims.values()];
    expect(held.some((a) => held.some((b) => a !== b && overlap(a.place, b.place)))).toBe(false);
  });

  test('stays with a proxy that wants all addresses and one of them', async () => {
    const one = agent('one');
    await one.set(listener('a', 80, '0.0.0.0'), listener('b', 80));
    expect(one.guard.obstacles).toEqual([]);
  });

  test('is let go some time after its listener is gone, but not while Envoy has it open', async () => {
    const one = agent('one');
    await one.set(listener('l', 80));
    host.open.add('tcp 127.0.0.1:80');
    await one.set();
    await pass(5_000);
    expect(host.claims.size).toBe(1);
    host.open.clear();
    await pass(5_000);
    expect(host.claims.size).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test('nobody wants any more holds nothing back', async () => {
    host.listening.set('tcp 127.0.0.1:80', 'process 7');
    const one = agent('one');
    await one.set(listener('l', 80));
    await one.set(listener('l', 81));
    await pass(2_000);
    expect(one.guard.holding).toBe(false);
  });

  test('that was taken while no Envoy ran is found when the next one starts', async () => {
    const one = agent('one');
    const l = listener('l', 80);
    await one.set(l);
    host.listening.set('tcp 127.0.0.1:80', 'process 7');
    one.guard.verify();
    expect(one.guard.obstacle(l)).toContain('process 7');
    expect(host.claims.size).toBe(0);
  });

  test('whose claim is under way when the set changes is not taken for that of another', async () => {
    const one = agent('one');
    const [l, m] = [listener('l', 80), listener('m', 81)];
    await Promise.all([one.set(l), one.set(l, m)]);
    await pass(5_000);
    expect(one.guard.obstacles).toEqual([]);
    expect(warnings).toEqual([]);
    expect(one.guard.deciding).toBe(false);
    one.guard.stop();
    expect(host.claims.size).toBe(0);
  });

  test('whose holder is slow to say who it is does not come to be claimed twice', async () => {
    const two = agent('two');
    await two.set(listener('l', 80));
    const guard = new PortGuard({
      // Answers come when the port is free already.
      surroundings: {
        ...host.of('one'),
        askClaimant: () => new Promise((r) => clock.after(250, () => r('two'))),
      },
      clock,
      logger,
    });
    const l = listener('l', 80);
    const other = listener('m', 81);
    let current = [l];
    guard.connect({ listeners: () => current, changed() {} });
    guard.announce();
    await pass(300);
    expect(guard.obstacle(l)).toContain('taken by two');
    await pass(150);
    // A note of another port in the middle of a look begins a further look.
    host.listening.set('tcp 127.0.0.1:81', 'process 7');
    current = [l, other];
    guard.announce();
    await pass(50);
    two.guard.stop();
    host.listening.clear();
    await pass(5_000);
    expect(guard.obstacle(l)).toBeUndefined();
    expect(guard.holding).toBe(false);
    guard.stop();
    expect(host.claims.size).toBe(0);
  });

  test('is not looked at any more after the end, even of one that came in the middle of a look', async () => {
    host.listening.set('tcp 127.0.0.1:80', 'process 7');
    const one = agent('one');
    await one.set(listener('l', 80));
    // The next look begins, and the end comes before it is over.
    clock.advance(150);
    one.guard.stop();
    await rest();
    expect(clock.pending).toBe(0);
    const { looks } = host;
    await pass(5_000);
    expect(host.looks).toBe(looks);
  });
});
