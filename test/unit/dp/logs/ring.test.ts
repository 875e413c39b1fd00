import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createLogRing, keepLines } from '../../../../src/dp/logs/ring.ts';

test('the newest lines are kept, the oldest give way', () => {
  const ring = createLogRing({ maxLines: 3, maxLength: 1000 });
  for (let i = 1; i <= 10; i++) ring.write(`line ${i}\n`);
  expect(ring.last(100)).toEqual(['line 8\n', 'line 9\n', 'line 10\n']);
  expect(ring.last(2)).toEqual(['line 9\n', 'line 10\n']);
  expect(ring.last(0)).toEqual([]);
});

test('long lines do not cost more memory than short ones', () => {
  const ring = createLogRing({ maxLines: 100, maxLength: 50 });
  for (let i = 0; i < 10; i++) ring.write(`${'x'.repeat(19)}\n`);
  expect(ring.last(100)).toHaveLength(2);
  ring.write(`${'y'.repeat(500)}\n`);
  expect(ring.last(100).join('').length).toBeLessThanOrEqual(50);
});

test('lines that gave way cost no memory any more', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const ring = createLogRing();
  const before = used();
  for (let i = 0; i < 1_900; i++) ring.write(Buffer.alloc(16_384, 'x').toString('latin1'));
  expect(ring.last(2_000)).toHaveLength(32);
  expect(used() - before).toBeLessThan(5_000_000);
});

test('who follows gets what comes, until it is enough', () => {
  const ring = createLogRing();
  const got: string[] = [];
  ring.write('before\n');
  const stop = ring.follow((line) => got.push(line));
  ring.write('during\n');
  stop();
  ring.write('after\n');
  expect(got).toEqual(['during\n']);
});

test('a sink that keeps its lines passes them on', async () => {
  const ring = createLogRing();
  const passed: string[] = [];
  const sink = keepLines({ write: (line) => void passed.push(line), flush: async () => {} }, ring);
  sink.write('a\n');
  await sink.flush(1);
  expect(passed).toEqual(['a\n']);
  expect(ring.last(5)).toEqual(['a\n']);
});
