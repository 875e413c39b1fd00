import { expect, test } from 'vitest';
import type { EnvoyOptions } from '../../../../src/dp/config/agent-config.ts';
import { serveArguments, validateArguments } from '../../../../src/dp/envoy/command-line.ts';

const options: EnvoyOptions = {
  binaryPath: '',
  concurrency: 0,
  adminPort: 0,
  maxMemoryBytes: 0,
  deltaXds: true,
  keep: false,
  logDir: '',
  drainTimeMs: 1500,
  restartBaseMs: 1,
  restartMaxMs: 1,
  maxRestarts: 0,
  hotRestart: 'auto',
  watchBinary: false,
  parentShutdownMs: 1,
  bootstrapRefreshMs: 0,
  childLiveMs: 1,
  silenceMs: 0,
  logLevel: 'info',
  componentLogLevel: '',
};
const line = (extra: Partial<EnvoyOptions> = {}, version = '1.40.0', logFormat: 'text' | 'json' = 'text') =>
  serveArguments({ bootstrapPath: '/b.json', options: { ...options, ...extra }, logFormat, version }).join(
    ' ',
  );

test('hot restart is off, draining is immediate and its time is rounded up', () => {
  expect(line()).toBe(
    '--config-path /b.json --disable-hot-restart --drain-strategy immediate --drain-time-s 2 --log-level info',
  );
});

test('an older Envoy is told to count the CPUs it may use; a given number goes to any', () => {
  expect(line({}, '1.39.3')).toContain('--cpuset-threads');
  expect(line({ concurrency: 3 }, '1.39.3')).toContain('--concurrency 3');
  expect(line({ concurrency: 3 })).toContain('--concurrency 3');
});

test('component levels and JSON are passed on', () => {
  expect(line({ componentLogLevel: 'upstream:debug' })).toContain('--component-log-level upstream:debug');
  expect(line({}, '1.40.0', 'json')).toContain('"message":"%j"');
});

test('with hot restart an Envoy is told its id, its epoch, its sockets and when to end its parent', () => {
  const facts = { bootstrapPath: '/b.json', options, logFormat: 'text', version: '1.40.0' } as const;
  const hotRestart = {
    ...{ baseId: 7, epoch: 2, socketPath: '/run/e', parentShutdownMs: 4_500, mayLackParent: false },
  };
  const text = serveArguments({ ...facts, hotRestart, concurrency: 3 }).join(' ');
  expect(text).toContain(
    '--base-id 7 --restart-epoch 2 --socket-path /run/e --socket-mode 600 --parent-shutdown-time-s 5',
  );
  expect(text).toContain('--concurrency 3');
  expect(text).not.toMatch(/disable-hot-restart|skip-hot-restart/);
  const alone = serveArguments({ ...facts, hotRestart: { ...hotRestart, mayLackParent: true } });
  expect(alone).toContain('--skip-hot-restart-on-no-parent');
});

test('a bootstrap is checked alone, or as a text merged with a binary state', () => {
  expect(validateArguments({ path: '/b.json' }).slice(0, 4)).toEqual([
    ...['--config-path', '/b.json', '--mode', 'validate'],
  ]);
  expect(validateArguments({ statePath: '/s.pb', text: '{}' }).slice(0, 4)).toEqual([
    ...['--config-path', '/s.pb', '--config-yaml', '{}'],
  ]);
});
