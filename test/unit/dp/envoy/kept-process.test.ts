import { spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { describeEnd, followProcess } from '../../../../src/dp/envoy/kept-process.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { readProcessId } from '../../../../src/lib/process-id.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { waitUntil } from '../../../support/wait-until.ts';

const pids: number[] = [];

afterEach(() => {
  for (const pid of pids.splice(0)) if (readProcessId(pid) !== undefined) process.kill(pid, 'SIGKILL');
});

function start(...command: [string, ...string[]]): number {
  const [file, ...args] = command;
  const { pid = 0 } = spawn(file, args, { stdio: 'ignore' });
  pids.push(pid);
  return pid;
}

describe('a process that is no child', () => {
  test('is noticed to be gone, once, with what its log tells', async () => {
    const pid = start('/bin/sleep', '60');
    const followed = followProcess(readProcessId(pid), {
      clock: systemClock,
      onGone: () => 'ended by SIGTERM',
    });
    followed.kill('SIGTERM');
    expect(await followed.exited).toEqual({ code: null, signal: null, reason: 'ended by SIGTERM' });
  });

  test('that ignores SIGTERM is killed after the grace time', async () => {
    const pid = start('/bin/sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done');
    await waitUntil(() => readProcessId(pid) !== undefined);
    const followed = followProcess(readProcessId(pid), { clock: systemClock, onGone: () => 'gone' });
    expect((await followed.end(100)).reason).toBe('gone');
  });

  test('gets no signal when its number belongs to another process', async () => {
    const pid = start('/bin/sleep', '60');
    const id = readProcessId(pid);
    const clock = createFakeClock();
    const followed = followProcess(
      { pid, startTicks: (id?.startTicks ?? 0) - 1 },
      { clock, onGone: () => 'gone' },
    );
    followed.kill('SIGKILL');
    clock.advance(50);
    expect((await followed.exited).reason).toBe('gone');
    expect(readProcessId(pid)).toEqual(id);
  });

  test('is let go of without a word', () => {
    const clock = createFakeClock();
    const followed = followProcess(readProcessId(start('/bin/sleep', '60')), {
      clock,
      onGone: () => expect.unreachable(),
    });
    clock.advance(200);
    followed.forget();
    expect(clock.pending).toBe(0);
  });

  test('that could not be started says so', async () => {
    const clock = createFakeClock();
    const followed = followProcess(undefined, { clock, onGone: () => 'gone' });
    clock.advance(0);
    expect((await followed.exited).reason).toBe('cannot be started');
    expect(followed.pid).toBe(0);
  });
});

describe('the end of an Envoy, from its log', () => {
  test.each([
    [['[..][warning][main] caught ENVOY_SIGTERM', '[..] exiting'], 'ended by SIGTERM'],
    [['[..] caught SIGINT'], 'ended by SIGINT'],
    [['[..][warning][main] shutting down due to child request'], 'ended by its successor'],
    [
      [
        '[critical][backtrace] Caught Segmentation fault, suspect faulting address 0x0',
        'caught ENVOY_SIGTERM',
      ],
      'crashed: [critical][backtrace] Caught Segmentation fault, suspect faulting address 0x0',
    ],
    [['[critical][assert] assert failure: x'], 'crashed: [critical][assert] assert failure: x'],
    [
      ['[info] starting workers'],
      'gone without a word, as after SIGKILL (exit code not known: it is no child of this agent)',
    ],
    [[], 'gone without a word, as after SIGKILL (exit code not known: it is no child of this agent)'],
  ])('%j is "%s"', (lines, expected) => {
    expect(describeEnd(lines)).toBe(expected);
  });
});
