import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AcceptedState, generationOf } from '../../../src/dp/known-good/generation.ts';
import { createStateStore, type SavedState } from '../../../src/dp/known-good/state-store.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aState } from '../../unit/dp/known-good/support/states.ts';

let base = '';
let dir = '';
let keys = '';
let clock = createFakeClock();
const owner = { mesh: 'default', name: 'a', controlPlane: 'https://cp:5678', envoyVersion: '1.40.0' };

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'state-'));
  dir = join(base, 'state', 'default.a');
  keys = join(base, 'run', 'keys');
  clock = createFakeClock();
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function store(options: { owner?: typeof owner; secretsDir?: string | undefined } = {}) {
  return createStateStore({ dir, secretsDir: keys, owner, clock, ...options });
}

async function save(number: number, state: AcceptedState): Promise<void> {
  await store().saveGeneration({ number, generation: generationOf(state), state });
}

const clusterOf = ({ generations }: SavedState, at = 0) =>
  Buffer.from(generations[at]?.state.types[0]?.resources[0]?.any ?? []).toString();

describe('what was saved', () => {
  test('is there for the next agent, two generations and a bootstrap, for their owner alone', async () => {
    await store().saveBootstrap({ node: { id: 'default.a' } });
    for (const [i, cluster] of ['one', 'two', 'three'].entries()) await save(i + 1, aState({ cluster }));
    const saved = store().load();
    expect(saved.refused).toEqual([]);
    expect(saved.bootstrap).toEqual({ node: { id: 'default.a' } });
    expect([clusterOf(saved, 0), clusterOf(saved, 1)]).toEqual(['three', 'two']);
    expect(saved.nextNumber).toBe(4);
    expect(readdirSync(dir).sort()).toEqual(['bootstrap', 'generation-2', 'generation-3']);
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  });

  test('is nothing where nothing was saved', () => {
    expect(store().load()).toEqual({
      bootstrap: undefined,
      generations: [],
      confirmedAt: undefined,
      controlPlane: '',
      refused: [],
      nextNumber: 1,
    });
  });

  test('is as old as the last word of the control plane', async () => {
    const start = clock.now();
    await save(1, aState());
    clock.advance(3_600_000);
    await store().confirm();
    expect(store().load().confirmedAt).toBe(start + 3_600_000);
  });

  test('has no known age under a clock that was set back, and the age of what the clock can know', async () => {
    await save(1, aState());
    const early = createFakeClock(Date.parse('1970-01-02T00:00:00Z'));
    const onEarly = createStateStore({ dir, secretsDir: keys, owner, clock: early });
    expect(onEarly.load().confirmedAt).toBeUndefined();
    await onEarly.saveBootstrap({ node: {} });
    expect(onEarly.load().confirmedAt).toBe(early.now());
  });

  test('is the newest that was served, however the clock jumped while it was written', async () => {
    await save(1, aState({ cluster: 'one' }));
    clock.jump(365 * 86_400_000);
    await save(2, aState({ cluster: 'two' }));
    clock.jump(-365 * 86_400_000);
    await save(3, aState({ cluster: 'three' }));
    const { generations, confirmedAt, refused } = store().load();
    expect(generations.map(({ number }) => number)).toEqual([3, 2]);
    expect(confirmedAt).toBe(clock.now());
    expect(refused).toEqual([]);
  });
});

describe('private keys', () => {
  test('stay out of the state directory, and come back while memory keeps them', async () => {
    await save(1, aState({ key: 'PRIVATE-KEY' }));
    for (const name of readdirSync(dir))
      expect(readFileSync(join(dir, name)).includes('PRIVATE-KEY')).toBe(false);
    const [generation] = store().load().generations;
    expect(generation?.missingSecrets).toEqual([]);
    expect(generation?.state).toMatchObject({
      types: [{}, {}, {}, { resources: [{ name: 'identity_cert:secret:default' }] }],
    });
  });

  test('are missed by name after a reboot', async () => {
    await save(1, aState({ key: 'PRIVATE-KEY' }));
    rmSync(keys, { recursive: true });
    const [generation] = store().load().generations;
    expect(generation?.missingSecrets).toEqual(['identity_cert:secret:default']);
    expect(generation?.state.types).toHaveLength(3);
  });

  test('of another generation are not taken', async () => {
    await save(1, aState({ cluster: 'one', key: 'ONE' }));
    const saved = readFileSync(join(keys, 'secrets-1'));
    await save(2, aState({ cluster: 'two', key: 'TWO' }));
    writeFileSync(join(keys, 'secrets-2'), saved, { mode: 0o600 });
    expect(store().load().generations[0]?.missingSecrets).toEqual(['identity_cert:secret:default']);
  });

  test('are kept on disk where that was asked for', async () => {
    const onDisk = store({ secretsDir: dir });
    await onDisk.saveGeneration({ number: 1, generation: 'g', state: aState({ key: 'KEY' }) });
    expect(readdirSync(dir).sort()).toEqual(['generation-1', 'secrets-1']);
    expect(onDisk.load().generations[0]?.missingSecrets).toEqual([]);
  });

  test('are kept nowhere where there is no memory for them', async () => {
    const nowhere = store({ secretsDir: undefined });
    await nowhere.saveGeneration({ number: 1, generation: 'g', state: aState({ key: 'KEY' }) });
    expect(nowhere.load().generations[0]?.missingSecrets).toEqual(['identity_cert:secret:default']);
  });
});

describe('a file that cannot be trusted is refused with a line, and the one before is used', () => {
  const newest = () => join(dir, 'generation-2');

  const spoilers: readonly (readonly [string, RegExp, () => void])[] = [
    ['cut off', /instead of/, () => truncateSync(newest(), 200)],
    ['empty', /is empty/, () => truncateSync(newest(), 0)],
    [
      'damaged',
      /checksum/,
      () => {
        const bytes = readFileSync(newest());
        bytes[bytes.length - 50] = (bytes[bytes.length - 50] ?? 0) ^ 1;
        writeFileSync(newest(), bytes);
      },
    ],
    ['open to a group', /mode 660.*chmod 600/, () => chmodSync(newest(), 0o660)],
    ['readable by others', /mode 604/, () => chmodSync(newest(), 0o604)],
    [
      'a symbolic link',
      /is a symbolic link/,
      () => {
        renameSync(newest(), join(base, 'elsewhere'));
        symlinkSync(join(base, 'elsewhere'), newest());
      },
    ],
    [
      'a directory',
      /is no plain file/,
      () => {
        rmSync(newest());
        mkdirSync(newest());
      },
    ],
    [
      'a bootstrap under its name',
      /holds a bootstrap/,
      () => {
        rmSync(newest());
        linkSync(join(dir, 'bootstrap'), newest());
      },
    ],
  ];

  test.each(spoilers)('%s', async (_what, line, spoil) => {
    await store().saveBootstrap({ node: {} });
    await save(1, aState({ cluster: 'one' }));
    await save(2, aState({ cluster: 'two' }));
    spoil();
    const saved = store().load();
    expect(saved.refused).toEqual([expect.stringMatching(line)]);
    expect(saved.refused[0]).toContain(newest());
    expect(clusterOf(saved)).toBe('one');
    expect(saved.nextNumber).toBe(3);
  });

  test('of another proxy or mesh', async () => {
    await save(1, aState());
    for (const other of [
      { ...owner, name: 'b' },
      { ...owner, mesh: 'other' },
    ]) {
      const saved = store({ owner: other }).load();
      expect(saved.generations).toEqual([]);
      expect(saved.refused[0]).toMatch(/belongs to proxy a of mesh default$/);
    }
  });

  test('a directory that others can enter, or a link to one', async () => {
    await save(1, aState());
    chmodSync(dir, 0o750);
    expect(store().load()).toMatchObject({
      generations: [],
      refused: [expect.stringMatching(/mode 750.*chmod 700/)],
    });
    chmodSync(dir, 0o700);
    renameSync(dir, `${dir}.real`);
    symlinkSync(`${dir}.real`, dir);
    expect(store().load()).toMatchObject({
      generations: [],
      refused: [expect.stringMatching(/is no directory/)],
    });
  });
});

describe('a write that is cut short', () => {
  test('leaves the file before it whole, and what it left is cleaned up by the next', async () => {
    await save(1, aState({ cluster: 'one' }));
    writeFileSync(join(dir, '.generation-2.4711.tmp'), 'half', { mode: 0o600 });
    expect(clusterOf(store().load())).toBe('one');
    await save(2, aState({ cluster: 'two' }));
    expect(readdirSync(dir).sort()).toEqual(['generation-1', 'generation-2']);
  });

  test('whose place others made theirs is refused and not followed', async () => {
    await save(1, aState());
    rmSync(dir, { recursive: true });
    symlinkSync(base, dir);
    await expect(save(2, aState())).rejects.toThrow(/is no directory/);
    expect(readdirSync(base).sort()).toEqual(['state']);
  });
});
