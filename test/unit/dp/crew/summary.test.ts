import { expect, test } from 'vitest';
import type { MemberState } from '../../../../src/dp/crew/member.ts';
import { type Seen, summarize } from '../../../../src/dp/crew/summary.ts';

const READY: MemberState = { state: 'ready', pid: 1, restarts: 0 };
const seen = (id: string, current: MemberState, tried = true): Seen => ({ id, current, tried });
const FAILED: MemberState = { state: 'failed', reason: 'the run directory is taken', retryAt: 0 };

test('everybody ready is one short line, and one line for each', () => {
  const all = summarize([seen('m.a', READY), seen('m.b', READY)], [], ['d']);
  expect(all).toMatchObject({ total: 2, ready: 2, allReady: true, settled: true, text: '2 of 2 ready' });
  expect(all.lines).toEqual(['m.a: ready', 'm.b: ready']);
});

test('who is not ready is named with the reason', () => {
  const { text, allReady } = summarize([seen('m.a', READY), seen('m.b', FAILED)], [], ['d']);
  expect(text).toBe('1 of 2 ready; m.b: failed (the run directory is taken)');
  expect(allReady).toBe(false);
});

test('a file that cannot be used counts as a proxy that is missing, but not where what it said before runs on', () => {
  const problem = { path: 'd/x.yaml', problem: 'is empty', keeps: undefined };
  expect(summarize([seen('m.a', READY)], [problem], ['d'])).toMatchObject({
    total: 2,
    ready: 1,
    allReady: false,
  });
  const kept = summarize([seen('m.a', READY)], [{ ...problem, keeps: 'm.a' }], ['d']);
  expect(kept).toMatchObject({ total: 1, allReady: true, text: '1 of 1 ready; d/x.yaml is empty' });
});

test('one that somebody stopped is not waited for', () => {
  const held: MemberState = { state: 'held', reason: 'stopped by kuma-dp stop' };
  const all = summarize([seen('m.a', READY), seen('m.b', held)], [], ['d']);
  expect(all).toMatchObject({ total: 1, allReady: true });
  expect(all.text).toBe('1 of 1 ready; m.b: stopped (stopped by kuma-dp stop)');
});

test('who tries for the first time is waited for, who failed is not', () => {
  const starting: MemberState = { state: 'locating' };
  expect(summarize([seen('m.a', starting, false), seen('m.b', READY)], [], []).settled).toBe(false);
  expect(summarize([seen('m.a', FAILED), seen('m.b', READY)], [], []).settled).toBe(true);
});

test('an empty directory is said to be one, and nobody is ready', () => {
  expect(summarize([], [], ['/etc/dps'])).toMatchObject({
    allReady: false,
    settled: true,
    text: 'no Dataplane in /etc/dps yet',
  });
});
