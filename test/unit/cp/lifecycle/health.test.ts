import { beforeEach, describe, expect, test } from 'vitest';
import { ProxyHealth } from '../../../../src/cp/lifecycle/health.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const proxy = { mesh: 'default', name: 'a' };
const ill = { healthy: false, reason: 'connection refused' };
const well = { healthy: true, reason: '' };

let clock = createFakeClock();
let known = true;
let shown: string[] = [];
let illness: string | undefined;
let health: ProxyHealth;

beforeEach(() => {
  clock = createFakeClock();
  known = true;
  shown = [];
  illness = undefined;
  health = new ProxyHealth({
    clock,
    logger: silentLogger,
    isKnown: async () => known,
    onLiveness: (_proxy, liveness) => shown.push(liveness),
    onIllness: (_proxy, reason) => {
      illness = reason;
    },
  });
});

describe('the word of an agent on its application', () => {
  test('takes a connected proxy out and brings it back in', async () => {
    health.setLiveness(proxy, 'serving');
    expect(await health.report(proxy, ill)).toBe(true);
    expect([shown.at(-1), illness]).toEqual(['out', 'connection refused']);
    expect(await health.report(proxy, well)).toBe(true);
    expect([shown.at(-1), illness]).toEqual(['serving', undefined]);
  });

  test('is not taken for a proxy that nobody knows', async () => {
    known = false;
    expect(await health.report(proxy, ill)).toBe(false);
    expect(shown).toEqual([]);
  });

  test('that is repeated wakes nobody, but the newest reason is kept', async () => {
    await health.report(proxy, ill);
    const before = shown.length;
    await health.report(proxy, { healthy: false, reason: 'answers 500' });
    await health.report(proxy, { healthy: false, reason: 'answers 500' });
    expect(shown.length).toBe(before);
    expect(illness).toBe('answers 500');
  });

  test('survives a lost stream and its return', async () => {
    health.setLiveness(proxy, 'serving');
    await health.report(proxy, ill);
    health.setLiveness(proxy, 'degraded');
    health.setLiveness(proxy, 'serving');
    expect(shown.at(-1)).toBe('out');
    await health.report(proxy, well);
    expect(shown.at(-1)).toBe('serving');
  });

  test('is forgotten with the lease', async () => {
    await health.report(proxy, ill);
    health.setLiveness(proxy, 'out');
    expect(illness).toBeUndefined();
    health.setLiveness(proxy, 'serving');
    expect(shown.at(-1)).toBe('serving');
  });

  test('ends when a connected agent no longer repeats it, and not before', async () => {
    await health.report(proxy, ill);
    for (let i = 0; i < 10; i++) {
      clock.advance(30_000);
      await health.report(proxy, ill);
    }
    expect(shown.at(-1)).toBe('out');
    clock.advance(101_000);
    expect([shown.at(-1), illness]).toEqual(['serving', undefined]);
    expect(clock.pending).toBe(0);
  });

  test('is kept for as long as the stream is lost: nobody can repeat it then', async () => {
    await health.report(proxy, ill);
    health.setLiveness(proxy, 'degraded');
    clock.advance(500_000);
    expect(shown.at(-1)).toBe('out');
  });

  test('says nothing of a Dataplane that is made anew under the same name', async () => {
    health.setLiveness(proxy, 'out');
    await health.report(proxy, ill);
    health.forget(proxy);
    await health.report(proxy, ill);
    await health.report(proxy, well);
    expect(shown.at(-1)).toBe('serving');
  });

  test('is taken up after a restart of the control plane', async () => {
    health.restoreIllness(proxy);
    health.setLiveness(proxy, 'serving');
    expect(shown.at(-1)).toBe('out');
  });
});
