import { expect, test } from 'vitest';
import { retireParent } from '../../../src/dp/retire-parent.ts';
import type { RunningEnvoy } from '../../../src/dp/running-envoy.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const PARENT_SHUTDOWN_MS = 2_000;

interface Ending {
  readonly reason: string;
  readonly lines?: readonly string[];
  /** After the agent saw that the child is live. */
  readonly afterMs: number;
  /** How long the child had run then. */
  readonly childRanMs?: number;
}

async function retired({ reason, lines = [], afterMs, childRanMs = 100 }: Ending): Promise<string> {
  const clock = createFakeClock();
  let leave = (_: { reason: string }): void => {};
  const exited = new Promise<{ reason: string }>((resolve) => {
    leave = resolve;
  });
  const parent = { pid: 1, epoch: 0, exited, end: () => exited, tail: () => lines };
  const child = { exited: new Promise(() => {}) };
  const retirement = retireParent(parent as unknown as RunningEnvoy, child as unknown as RunningEnvoy, {
    ...{ clock, logger: silentLogger, parentShutdownMs: PARENT_SHUTDOWN_MS },
    childStartedAt: clock.monotonic() - childRanMs,
  });
  clock.advance(afterMs);
  leave({ reason });
  return retirement;
}

test('a parent that ends at its time, or says that its child ended it, went in time', async () => {
  expect(await retired({ reason: 'exit code 0', afterMs: 2_000 })).toBe('in-time');
  const lines = ['[info][main] shutting down due to child request', 'caught ENVOY_SIGTERM'];
  expect(await retired({ reason: 'exit code 0', afterMs: 300, lines })).toBe('in-time');
});

test('an agent that saw late that the child is live does not take the end of the parent for a mishap', async () => {
  expect(await retired({ reason: 'exit code 0', afterMs: 900, childRanMs: 3_000 })).toBe('in-time');
});

test('a parent that is killed or leaves long before its time went early', async () => {
  expect(await retired({ reason: 'exit code 0', afterMs: 500 })).toBe('early');
  expect(await retired({ reason: 'killed by SIGKILL', afterMs: 900, childRanMs: 3_000 })).toBe('early');
});
