import { beforeEach, describe, expect, test } from 'vitest';
import { createKnownGood, type KnownGood } from '../../../../src/dp/known-good/known-good.ts';
import type { SavedState, StateStore } from '../../../../src/dp/known-good/state-store.ts';
import type { Logger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { aState } from './support/states.ts';

let clock = createFakeClock();
let written: string[] = [];
let failWith: string | undefined;
let lines: string[] = [];
let knownGood: KnownGood;

const logger: Logger = {
  debug() {},
  info: (_facts, message) => void lines.push(message),
  warn: (facts, message) => void lines.push(`${message} ${JSON.stringify(facts)}`),
  error() {},
  child: () => logger,
};

const store: StateStore = {
  load: () => {
    throw new Error('not here');
  },
  async saveBootstrap() {
    note('bootstrap');
  },
  async saveGeneration({ number, generation }) {
    note(`generation ${number} ${generation.slice(0, 4)}`);
  },
  async confirm() {
    note('confirmation');
  },
};

function note(what: string): void {
  if (failWith !== undefined) throw new Error(failWith);
  written.push(what);
}

function create(saved?: SavedState): KnownGood {
  return createKnownGood({ store, saved, clock, logger });
}

/** Writes follow each other as promises. */
async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

beforeEach(() => {
  clock = createFakeClock();
  written = [];
  lines = [];
  failWith = undefined;
  knownGood = create();
});

async function serve(state = aState(), ms = 10_000): Promise<void> {
  knownGood.offerState(state);
  clock.advance(ms);
  await settle();
}

describe('generations', () => {
  test('are kept two at a time, the newest first', async () => {
    await serve(aState({ cluster: 'one' }));
    await serve(aState({ cluster: 'two' }));
    const two = knownGood.current?.generation ?? '';
    await serve(aState({ cluster: 'three' }));
    expect(knownGood.previous(knownGood.current?.generation ?? '')?.generation).toBe(two);
    expect(written.map((w) => w.split(' ')[1])).toEqual(['1', '2', '3']);
  });

  test('a version that kills Envoy within ten seconds never becomes one', async () => {
    await serve(aState({ cluster: 'good' }));
    const good = knownGood.current;
    knownGood.offerState(aState({ cluster: 'deadly' }));
    clock.advance(3_000);
    knownGood.envoyEnded();
    clock.advance(60_000);
    await settle();
    expect(knownGood.current).toBe(good);
    expect(knownGood.previous('deadly')).toBe(good);
    expect(written).toHaveLength(1);
  });

  test('endpoints that come and go make no new one, so the one before is not pushed out', async () => {
    await serve(aState({ cluster: 'one' }));
    await serve(aState({ cluster: 'two' }));
    for (let i = 0; i < 50; i++) await serve(aState({ cluster: 'two', endpoint: `e${i}`, key: `k${i}` }));
    expect(knownGood.previous(knownGood.current?.generation ?? '')?.state).toEqual(
      aState({ cluster: 'one' }),
    );
    expect(knownGood.current?.state).toEqual(aState({ cluster: 'two', endpoint: 'e49', key: 'k49' }));
  });

  test('endpoints reach the disk once a minute at most, and at the end', async () => {
    await serve();
    for (let i = 0; i < 30; i++) await serve(aState({ endpoint: `e${i}` }));
    expect(written.length).toBeGreaterThanOrEqual(4);
    expect(written.length).toBeLessThanOrEqual(7);
    const before = written.length;
    await serve(aState({ endpoint: 'last' }));
    await knownGood.stop();
    expect(written.length).toBe(before + 1);
  });

  test('the very same configuration is written once', async () => {
    await serve();
    await serve();
    await serve();
    expect(written).toHaveLength(1);
  });

  test('that were saved by the run before are there at once, and numbers go on', async () => {
    const saved: SavedState = {
      bootstrap: {},
      generations: [
        { number: 8, generation: 'new', state: aState(), missingSecrets: [] },
        { number: 7, generation: 'old', state: aState({ cluster: 'old' }), missingSecrets: [] },
      ],
      confirmedAt: 0,
      controlPlane: '',
      refused: [],
      nextNumber: 11,
    };
    knownGood = create(saved);
    expect(knownGood.current?.generation).toBe('new');
    expect(knownGood.previous('new')?.generation).toBe('old');
    await serve(aState({ cluster: 'newest' }));
    expect(written[0]).toMatch(/^generation 11 /);
  });
});

describe('a disk that cannot be written to', () => {
  test('is told about once, is tried again, and its recovery is told about too', async () => {
    failWith = 'ENOSPC: no space left on device';
    await serve();
    expect(knownGood.problem).toContain('ENOSPC');
    expect(knownGood.current).toBeDefined();
    clock.advance(60_000);
    await settle();
    clock.advance(60_000);
    await settle();
    expect(lines.filter((l) => l.includes('ENOSPC'))).toHaveLength(1);
    failWith = undefined;
    clock.advance(60_000);
    await settle();
    expect(knownGood.problem).toBeUndefined();
    expect(written).toHaveLength(1);
    expect(lines.at(-1)).toContain('saved again');
    expect(clock.pending).toBe(0);
  });

  test('gets the bootstrap that it refused a minute later, also when it took a configuration meanwhile', async () => {
    failWith = 'EIO';
    knownGood.offerBootstrap({ node: { id: 'x' } });
    clock.advance(1_000);
    knownGood.offerState(aState());
    clock.advance(9_000);
    await settle();
    failWith = undefined;
    clock.advance(1_000);
    await settle();
    expect(written).toEqual([expect.stringContaining('generation')]);
    clock.advance(60_000);
    await settle();
    expect(written.at(-1)).toBe('bootstrap');
    expect(knownGood.problem).toBeUndefined();
    expect(clock.pending).toBe(0);
  });

  test('that takes small files only is still in trouble', async () => {
    knownGood.offerBootstrap({ node: { id: 'x' } });
    await serve();
    failWith = 'ENOSPC';
    await serve(aState({ cluster: 'two' }));
    failWith = undefined;
    knownGood.confirm();
    await settle();
    expect(knownGood.problem).toBe('ENOSPC');
  });
});

describe('a bootstrap', () => {
  test('is saved once it has proven good, without the one that Envoy died with', async () => {
    knownGood.offerBootstrap({ node: { id: 'bad' } });
    clock.advance(1_000);
    knownGood.envoyEnded();
    knownGood.offerBootstrap({ node: { id: 'good' } });
    clock.advance(10_000);
    await settle();
    expect(written).toEqual(['bootstrap']);
    knownGood.offerBootstrap({ node: { id: 'good' } });
    clock.advance(10_000);
    await settle();
    expect(written).toEqual(['bootstrap']);
  });
});

test('a control plane that stands behind what is saved is noted every ten minutes, not before there is anything', async () => {
  knownGood.confirm();
  await settle();
  expect(written).toEqual([]);
  knownGood.offerBootstrap({ node: {} });
  clock.advance(10_000);
  for (let i = 0; i < 3600; i++) {
    knownGood.confirm();
    clock.advance(1_000);
  }
  await settle();
  expect(written.filter((w) => w === 'confirmation').length).toBeGreaterThanOrEqual(6);
  expect(written.filter((w) => w === 'confirmation').length).toBeLessThanOrEqual(7);
});

test('without a place for state everything works but the saving', async () => {
  knownGood = createKnownGood({ store: undefined, saved: undefined, clock, logger });
  knownGood.offerBootstrap({ node: {} });
  await serve();
  knownGood.confirm();
  await knownGood.stop();
  expect(knownGood.current?.state).toEqual(aState());
  expect(knownGood.problem).toBeUndefined();
});
