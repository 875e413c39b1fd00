import { expect, test } from 'vitest';
import { silentNotifier } from '../../../../src/dp/notify/notifier.ts';
import {
  connectServiceManager,
  readWatchdog,
  withoutServiceManager,
} from '../../../../src/dp/notify/service-manager.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

test('without a NOTIFY_SOCKET nobody is told anything', () => {
  const notifier = connectServiceManager({
    env: {},
    pid: 1,
    clock: systemClock,
    logger: silentLogger,
    patience: { startMs: 1, stopMs: 1 },
    isHealthy: () => true,
  });
  expect(notifier).toBe(silentNotifier);
});

test('the watchdog is kept when it watches us, not when it watches another process', () => {
  expect(readWatchdog({ WATCHDOG_USEC: '30000000' }, 5)).toBe(30_000);
  expect(readWatchdog({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '5' }, 5)).toBe(30_000);
  expect(readWatchdog({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '6' }, 5)).toBeUndefined();
  expect(readWatchdog({}, 5)).toBeUndefined();
  expect(readWatchdog({ WATCHDOG_USEC: 'soon' }, 5)).toBeUndefined();
});

test('a program beside the agent cannot speak for it', () => {
  const env = { PATH: '/bin', NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '1', WATCHDOG_PID: '2' };
  expect(withoutServiceManager(env)).toEqual({ PATH: '/bin' });
});
