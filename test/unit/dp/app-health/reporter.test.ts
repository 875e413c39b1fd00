import { beforeEach, describe, expect, test } from 'vitest';
import { type HealthReporter, startHealthReporter } from '../../../../src/dp/app-health/reporter.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const ill = { healthy: false, reason: 'down' };
const well = { healthy: true, reason: '' };

let clock = createFakeClock();
let told: boolean[] = [];
let envoy: string[] = [];
let answer: 'understood' | 'not-known' | 'not-reached' = 'understood';
let hold: Promise<void> | undefined;
let envoyServes = true;
let reporter: HealthReporter;

beforeEach(() => {
  clock = createFakeClock();
  told = [];
  envoy = [];
  answer = 'understood';
  hold = undefined;
  envoyServes = true;
  reporter = startHealthReporter({
    tell: async ({ healthy }) => {
      told.push(healthy);
      await hold;
      return answer;
    },
    postToEnvoy: async (path) => {
      if (!envoyServes) throw new Error('no Envoy serves');
      envoy.push(path);
    },
    clock,
    logger: silentLogger,
    random: () => 1,
  });
});

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settle();
}

describe('a control plane that takes reports', () => {
  test('hears of changes at once, and of what holds every 30 s', async () => {
    reporter.update(ill);
    await settle();
    reporter.update(well);
    await settle();
    expect(told).toEqual([false, true]);
    for (let i = 0; i < 3; i++) await pass(30_000);
    expect(told).toEqual([false, true, true, true, true]);
    expect(envoy).toEqual([]);
  });

  test('hears the same again at once when it is back', async () => {
    reporter.update(ill);
    await settle();
    reporter.reconnected();
    await settle();
    expect(told).toEqual([false, false]);
    expect(clock.pending).toBe(1);
  });

  test('that is slow hears the newest last, one report at a time', async () => {
    const slow = Promise.withResolvers<void>();
    hold = slow.promise;
    reporter.update(ill);
    reporter.update(well);
    reporter.update(ill);
    reporter.update(well);
    await settle();
    expect(told).toEqual([false]);
    slow.resolve();
    await settle();
    expect(told).toEqual([false, true]);
  });

  test('that cannot be reached is tried again, ever more rarely, and Envoy is left alone', async () => {
    answer = 'not-reached';
    reporter.update(ill);
    for (let i = 0; i < 300; i++) await pass(1_000);
    expect(told.length).toBeGreaterThan(8);
    expect(told.length).toBeLessThan(20);
    expect(envoy).toEqual([]);
    answer = 'understood';
    reporter.reconnected();
    const before = told.length;
    await pass(29_999);
    expect(told.length).toBe(before);
  });
});

describe('a control plane that takes none', () => {
  test('sees it by the health of Envoy, which changes only when the application does', async () => {
    answer = 'not-known';
    reporter.update(well);
    await pass(120_000);
    expect(envoy).toEqual([]);
    reporter.update(ill);
    for (let i = 0; i < 5; i++) await pass(30_000);
    expect(envoy).toEqual(['/healthcheck/fail']);
    reporter.update(well);
    await settle();
    expect(envoy).toEqual(['/healthcheck/fail', '/healthcheck/ok']);
  });

  test('and says so late sees by Envoy what holds by then', async () => {
    const slow = Promise.withResolvers<void>();
    hold = slow.promise;
    answer = 'not-known';
    reporter.update(ill);
    await settle();
    reporter.update(well);
    slow.resolve();
    await settle();
    expect(told).toEqual([false, true]);
    expect(envoy).toEqual([]);
  });

  test('sees it by the next Envoy too', async () => {
    answer = 'not-known';
    envoyServes = false;
    reporter.update(ill);
    await settle();
    expect(envoy).toEqual([]);
    envoyServes = true;
    reporter.envoyServing();
    await settle();
    reporter.envoyServing();
    await settle();
    expect(envoy).toEqual(['/healthcheck/fail', '/healthcheck/fail']);
  });

  test('and does later, as for a proxy it did not know yet, sets Envoy right again', async () => {
    answer = 'not-known';
    reporter.update(ill);
    await settle();
    answer = 'understood';
    await pass(1_000);
    expect(envoy).toEqual(['/healthcheck/fail', '/healthcheck/ok']);
  });
});

test('after its end it tells nothing, not even the answer it waits for', async () => {
  const slow = Promise.withResolvers<void>();
  hold = slow.promise;
  answer = 'not-known';
  reporter.update(ill);
  await settle();
  reporter.stop();
  slow.resolve();
  await settle();
  reporter.update(well);
  await pass(600_000);
  expect(told).toEqual([false]);
  expect(envoy).toEqual([]);
  expect(clock.pending).toBe(0);
});
