import { beforeEach, describe, expect, test } from 'vitest';
import type { AcceptedState } from '../../../../src/dp/known-good/generation.ts';
import {
  type RelayWatch,
  startRelayWatch,
  type WatchedRelay,
} from '../../../../src/dp/known-good/relay-watch.ts';
import type { SavedGeneration } from '../../../../src/dp/known-good/state-store.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { aState } from './support/states.ts';

let clock = createFakeClock();
let upstream = { connected: false, since: 0, reason: 'connection refused' };
let live = false;
let unanswered = 0;
let answered = true;
let stale: string | undefined;
let accepted: AcceptedState[] = [];
let restored: AcceptedState[] = [];
let reconnects = 0;
let confirmations = 0;
let watch: RelayWatch;

const relay: WatchedRelay = {
  get status() {
    return { upstream, envoys: [{ live }], unanswered };
  },
  accepted: () => aState(),
  restore: (state) => void restored.push(state),
};

const saved: SavedGeneration = {
  number: 1,
  generation: 'g',
  state: aState({ cluster: 'saved' }),
  missingSecrets: [],
};

function start(usable: SavedGeneration | undefined = undefined): void {
  watch = startRelayWatch({
    relay,
    clock,
    graceMs: 3_000,
    answered: () => answered,
    onReconnected: () => reconnects++,
    session: {
      get stale() {
        return stale === undefined ? undefined : { cause: stale, confirmedAt: 0, missingSecrets: [] };
      },
      usable,
      markStale: (cause) => {
        stale = cause;
      },
      markFresh: () => {
        stale = undefined;
        confirmations++;
      },
      accepted: (state) => void accepted.push(state),
    },
  });
}

function connect(): void {
  upstream = { connected: true, since: clock.monotonic(), reason: '' };
}

beforeEach(() => {
  clock = createFakeClock();
  upstream = { connected: false, since: 0, reason: 'connection refused' };
  live = false;
  unanswered = 0;
  answered = true;
  stale = undefined;
  accepted = [];
  restored = [];
  reconnects = 0;
  confirmations = 0;
});

describe('a stale proxy', () => {
  beforeEach(() => {
    stale = 'away';
    live = true;
    start();
  });

  test('is fresh once the control plane is back and has nothing more to say', () => {
    clock.advance(60_000);
    expect(stale).toBe('away');
    connect();
    clock.advance(1_500);
    expect(stale).toBe('away');
    clock.advance(1_000);
    expect(stale).toBeUndefined();
    clock.advance(2_000);
    expect(accepted).toHaveLength(1);
  });

  test('stays stale while Envoy has not taken what came, or more comes', () => {
    connect();
    unanswered = 1;
    clock.advance(60_000);
    expect(stale).toBe('away');
    unanswered = 0;
    watch.onEvent({ event: 'received' });
    clock.advance(400);
    expect(stale).toBe('away');
    clock.advance(1_000);
    expect(stale).toBeUndefined();
  });

  test('stays stale while the control plane takes streams and never answers anything', () => {
    answered = false;
    connect();
    clock.advance(60_000);
    expect(stale).toBe('away');
    watch.onEvent({ event: 'received' });
    clock.advance(3_000);
    expect(stale).toBeUndefined();
  });

  test('stays stale when the control plane hangs up again and again', () => {
    for (let i = 0; i < 100; i++) {
      connect();
      clock.advance(100);
      upstream = { connected: false, since: clock.monotonic(), reason: 'closed' };
      clock.advance(100);
    }
    expect(stale).toBe('away');
    expect(accepted).toEqual([]);
  });

  test('saves nothing of what it serves', () => {
    watch.onEvent({ event: 'accepted' });
    watch.onEvent({ event: 'live' });
    clock.advance(60_000);
    expect(accepted).toEqual([]);
  });
});

describe('a proxy that has its bootstrap but no configuration', () => {
  test('serves what was saved after the grace', () => {
    start(saved);
    clock.advance(2_999);
    expect(restored).toEqual([]);
    clock.advance(1);
    expect(restored).toEqual([saved.state]);
    expect(stale).toBe('connection refused');
  });

  test('is stale for as long as the stream stays silent, which never heard what is served', () => {
    upstream = { connected: true, since: 0, reason: '' };
    start(saved);
    clock.advance(3_000);
    expect(stale).toBe('it gives no configuration');
    live = true;
    clock.advance(60_000);
    expect(stale).toBe('it gives no configuration');
    // A new one claims it.
    connect();
    clock.advance(3_000);
    expect(stale).toBeUndefined();
  });

  test('waits when nothing usable was saved', () => {
    start();
    clock.advance(60_000);
    expect([restored, stale]).toEqual([[], undefined]);
  });

  test('waits when something has come', () => {
    start(saved);
    watch.onEvent({ event: 'received' });
    clock.advance(60_000);
    expect([restored, stale]).toEqual([[], undefined]);
  });
});

describe('a proxy that is fresh', () => {
  test('hands on what Envoy accepted, a burst as one', () => {
    live = true;
    start();
    connect();
    for (let i = 0; i < 10; i++) {
      watch.onEvent({ event: 'accepted' });
      clock.advance(100);
    }
    clock.advance(5_000);
    expect(accepted.length).toBeLessThanOrEqual(2);
    expect(accepted.length).toBeGreaterThanOrEqual(1);
    const before = accepted.length;
    clock.advance(60_000);
    expect(accepted.length).toBe(before);
    expect(confirmations).toBeGreaterThan(50);
  });

  test('hands on nothing of an Envoy that is gone: it may have died of it', () => {
    start();
    connect();
    watch.onEvent({ event: 'accepted' });
    clock.advance(5_000);
    expect(accepted).toEqual([]);
    live = true;
    clock.advance(1_000);
    expect(accepted).toHaveLength(1);
  });

  test('tells of each new stream once', () => {
    start();
    connect();
    clock.advance(5_000);
    expect(reconnects).toBe(1);
    connect();
    clock.advance(5_000);
    expect(reconnects).toBe(2);
  });

  test('leaves no timer when it ends', () => {
    start(saved);
    watch.stop();
    expect(clock.pending).toBe(0);
  });
});
