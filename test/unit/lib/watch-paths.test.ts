import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { watchPaths } from '../../../src/lib/watch-paths.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { waitUntil } from '../../support/wait-until.ts';

let home: string;
let stop = () => {};
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'watch-'));
});
afterEach(() => {
  stop();
  rmSync(home, { recursive: true, force: true });
});

/** Counts notices; the periodic look is too far away to be one of them. */
function watch(place: string): () => Promise<void> {
  let notices = 0;
  const watching = watchPaths([place], {
    clock: systemClock,
    pollMs: 3_600_000,
    onMaybeChanged: () => notices++,
  });
  stop = watching.stop;
  let seen = 0;
  return async () => {
    await waitUntil(() => notices > seen, { describe: () => `a notice after ${seen}` });
    seen = notices;
  };
}

test('a change in a directory is noticed, also after it was removed and made again', async () => {
  const dir = join(home, 'd');
  mkdirSync(dir);
  const noticed = watch(dir);
  writeFileSync(join(dir, 'a.yaml'), '');
  await noticed();
  rmSync(dir, { recursive: true });
  await noticed();
  mkdirSync(dir);
  await noticed();
  writeFileSync(join(dir, 'b.yaml'), '');
  await noticed();
});

test('a change is noticed in the directory a link leads to, also after it was turned', async () => {
  for (const name of ['one', 'two']) mkdirSync(join(home, 'versions', name), { recursive: true });
  const link = join(home, 'link');
  symlinkSync('versions/one', link);
  const noticed = watch(link);
  symlinkSync('versions/two', join(home, 'next'));
  renameSync(join(home, 'next'), link);
  await noticed();
  writeFileSync(join(home, 'versions', 'two', 'a.yaml'), '');
  await noticed();
});

test('a file is watched again after its directory was removed and made again', async () => {
  const dir = join(home, 'd');
  mkdirSync(dir);
  const clock = createFakeClock();
  let looks = 0;
  stop = watchPaths([join(dir, 'token')], { clock, onMaybeChanged: () => looks++ }).stop;
  /** What waits besides the periodic look comes from a notice. */
  const isNoticed = () => clock.pending === 2;
  rmSync(dir, { recursive: true });
  await waitUntil(isNoticed);
  mkdirSync(dir);
  clock.advance(3_000);
  looks = 0;
  writeFileSync(join(dir, 'token'), 'x');
  await waitUntil(isNoticed);
  clock.advance(100);
  expect(looks).toBe(1);
});

test('it is looked again and again where no notices come', () => {
  const clock = createFakeClock();
  let looks = 0;
  const watching = watchPaths([join(home, 'away', 'd')], { clock, onMaybeChanged: () => looks++ });
  clock.advance(9_000);
  expect(looks).toBe(3);
  watching.stop();
  expect(clock.pending).toBe(0);
});
