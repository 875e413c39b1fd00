import { expect, test } from 'vitest';
import { createFallBack } from '../../../src/dp/fall-back.ts';
import { type AcceptedState, generationOf } from '../../../src/dp/known-good/generation.ts';

const LISTENER = 'type.googleapis.com/envoy.config.listener.v3.Listener';
const ENDPOINT = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
const state = (version: string): AcceptedState => ({
  node: undefined,
  types: [{ typeUrl: LISTENER, version, upstreamSetVersion: '', complete: true, resources: [] }],
});
const good = { generation: generationOf(state('good')), state: state('good') };
const crash = {
  at: 0,
  reason: 'killed by SIGSEGV',
  ranMs: 1,
  servedMs: 1,
  tail: ['x', '[critical] boom', 'y'],
};

function setUp({ accepted = 'good', unanswered = 0 } = {}) {
  const log: string[] = [];
  const relay = {
    status: { unanswered },
    accepted: () => state(accepted),
    pin: (_state: AcceptedState, reason: string) => void log.push(`pin: ${reason}`),
    unpin: () => void log.push('unpin'),
  };
  const fallBack = createFallBack(() => good);
  fallBack.attach(relay);
  return { fallBack, log };
}

test('an Envoy that crashes on what is known to be good is not given anything else', () => {
  const { fallBack, log } = setUp();
  expect(fallBack.afterCrash(crash)).toBeUndefined();
  expect(log).toEqual([]);
  expect(fallBack.reason).toBe('');
});

test.each([
  ['was accepted', { accepted: 'new' }],
  ['was not even answered', { unanswered: 1 }],
])(
  'a newer configuration that %s is held back, and the control plane gets the last words of Envoy',
  (_how, now) => {
    const { fallBack, log } = setUp(now);
    expect(fallBack.afterCrash(crash)).toContain('the one before is served');
    expect(log).toEqual([
      'pin: the newest configuration made Envoy crash: killed by SIGSEGV: [critical] boom',
    ]);
    expect(fallBack.afterCrash(crash)).toBeUndefined();
    expect(log).toHaveLength(1);
  },
);

test('another configuration is tried, other endpoints alone are not', async () => {
  const { fallBack, log } = setUp({ accepted: 'new' });
  fallBack.afterCrash(crash);
  fallBack.onRelayEvent({ event: 'received', typeUrl: ENDPOINT, changed: true });
  fallBack.onRelayEvent({ event: 'accepted', typeUrl: LISTENER });
  expect(fallBack.reason).not.toBe('');
  // A new stream repeats what was refused.
  fallBack.onRelayEvent({ event: 'received', typeUrl: LISTENER, changed: false });
  expect(fallBack.reason).not.toBe('');
  fallBack.onRelayEvent({ event: 'received', typeUrl: LISTENER, changed: true });
  expect(fallBack.reason).toBe('');
  await Promise.resolve();
  expect(log.at(-1)).toBe('unpin');
});

test('without a relay nothing can be held back', () => {
  const fallBack = createFallBack(() => good);
  fallBack.attach(undefined);
  expect(fallBack.afterCrash(crash)).toBeUndefined();
});
