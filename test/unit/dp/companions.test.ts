import { expect, test } from 'vitest';
import { type CompanionParts, startCompanions } from '../../../src/dp/companions.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aState } from './known-good/support/states.ts';

function setUp() {
  const clock = createFakeClock();
  const companions = startCompanions({
    config: {
      proxy: { mesh: 'default', name: 'a' },
      controlPlane: { url: new URL('http://127.0.0.1:1') },
      state: { dir: '', graceMs: 3_000, maxAgeMs: 1_000, secretsOnDisk: false },
      runDir: '/nowhere',
      appHealth: undefined,
    },
    ...{ clock, logger: silentLogger, paths: { dir: '/nowhere/default.a' } },
    state: () => ({ state: 'locating' }),
  } as unknown as CompanionParts);
  return { clock, companions };
}

test('what an Envoy accepted and ran with for ten seconds is known to be good', () => {
  const { clock, companions } = setUp();
  companions.onState({ state: 'starting', restarts: 0, pid: 1 }, undefined);
  companions.session.accepted(aState());
  companions.onState({ state: 'ready', restarts: 0, pid: 1 }, undefined);
  clock.advance(11_000);
  expect(companions.session.knownGood.current).toBeDefined();
});

test('what it accepted and died of before it was ready is not', () => {
  const { clock, companions } = setUp();
  companions.onState({ state: 'starting', restarts: 0, pid: 1 }, undefined);
  companions.session.accepted(aState());
  companions.onState(
    { state: 'restarting', restarts: 1, delayMs: 0, reason: 'killed by SIGSEGV' },
    undefined,
  );
  companions.onState({ state: 'starting', restarts: 1, pid: 2 }, undefined);
  clock.advance(11_000);
  expect(companions.session.knownGood.current).toBeUndefined();
});
