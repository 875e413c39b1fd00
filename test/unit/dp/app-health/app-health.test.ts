import { expect, test } from 'vitest';
import { watchApplication } from '../../../../src/dp/app-health/app-health.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const clock = createFakeClock();

function watch(program: string, told: string[]) {
  const tell = (facts: object, message: string) => told.push(`${message} ${JSON.stringify(facts)}`);
  return watchApplication({
    config: {
      check: { kind: 'exec', command: [program] },
      ...{ intervalMs: 2_000, timeoutMs: 15_000, unhealthyThreshold: 3, healthyThreshold: 1 },
    },
    clock,
    logger: { ...silentLogger, info: tell, warn: tell },
    tell: async () => 'understood',
    postToEnvoy: async () => {},
  });
}

test('an application that never becomes well is told in the log once, with the reason', async () => {
  const told: string[] = [];
  const watched = watch('/bin/false', told);
  await waitUntil(() => watched.health.reason !== 'not checked yet');
  clock.advance(2_000);
  clock.advance(60_000);
  expect(told).toEqual([expect.stringMatching(/^application is not ready yet: .*exits with 1/)]);
  await watched.stop();
});

test('one that is soon well is not', async () => {
  const told: string[] = [];
  const watched = watch('/bin/true', told);
  await waitUntil(() => watched.health.health === 'healthy');
  clock.advance(2_000);
  expect(told).toEqual([expect.stringContaining('application is healthy')]);
  await watched.stop();
});
