import { describe, expect, test } from 'vitest';
import { type StartFailure, startOrGoOffline } from '../../../../src/dp/known-good/offline-start.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

/** A control plane whose answers the test gives one by one. */
function setUp(graceMs = 3_000) {
  const clock = createFakeClock();
  const answer = Promise.withResolvers<string>();
  let goOn = (_failure: StartFailure): boolean => false;
  const outcome = startOrGoOffline({
    ask: (listener) => {
      goOn = listener;
      return answer.promise;
    },
    graceMs,
    clock,
  });
  let settled: unknown;
  outcome.then(
    (value) => {
      settled = value.kind;
    },
    (error: unknown) => {
      settled = error;
    },
  );
  const now = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    return settled;
  };
  return { clock, answer, outcome, now, fail: (code: string) => goOn({ code, message: `failed: ${code}` }) };
}

describe('a start with something saved', () => {
  test('takes what the control plane gives within the grace', async () => {
    const { answer, outcome, clock } = setUp();
    answer.resolve('fresh');
    expect(await outcome).toEqual({ kind: 'fresh', bootstrap: 'fresh' });
    expect(clock.pending).toBe(0);
  });

  test.each(['control-plane-unreachable', 'control-plane-untrusted', 'bootstrap-unusable'])(
    'goes on without it after the grace when it is %s, and hears of its return',
    async (code) => {
      const { clock, answer, outcome, now, fail } = setUp();
      expect(fail(code)).toBe(true);
      clock.advance(2_999);
      expect(await now()).toBeUndefined();
      clock.advance(1);
      expect(await now()).toBe('offline');
      expect(fail(code)).toBe(true);
      const result = await outcome;
      if (result.kind !== 'offline') throw new Error('not offline');
      expect(result.cause).toBe(`failed: ${code}`);
      answer.resolve('back');
      expect(await result.fresh).toBe('back');
    },
  );

  test('does not wait for an attempt that hangs', async () => {
    const { clock, now, outcome } = setUp();
    clock.advance(3_000);
    expect(await now()).toBe('offline');
    expect(await outcome).toMatchObject({ cause: 'it does not answer' });
  });

  test.each(['bootstrap-rejected', 'dataplane-not-found'])(
    'does not overrule a control plane that says %s',
    async (code) => {
      const { clock, now, answer, outcome, fail } = setUp();
      expect(fail(code)).toBe(false);
      clock.advance(60_000);
      expect(await now()).toBeUndefined();
      answer.reject(new Error('refused'));
      await expect(outcome).rejects.toThrow('refused');
    },
  );

  test('goes on without one that answered once and is gone then', async () => {
    const { clock, now, fail } = setUp();
    fail('dataplane-not-found');
    clock.advance(3_000);
    expect(await now()).toBeUndefined();
    fail('control-plane-unreachable');
    expect(await now()).toBe('offline');
  });

  test('once it serves, no answer of the control plane ends the asking', async () => {
    const { clock, now, fail } = setUp();
    clock.advance(3_000);
    await now();
    expect(fail('bootstrap-rejected')).toBe(true);
    expect(fail('dataplane-not-found')).toBe(true);
  });
});
