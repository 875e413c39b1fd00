import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeStale, openStateSession } from '../../../src/dp/known-good/session.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import type { Logger } from '../../../src/lib/logger.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aState } from '../../unit/dp/known-good/support/states.ts';

const HOUR = 3_600_000;
let dir = '';
let lines: string[] = [];
let clock = createFakeClock();

const write = (facts: object, message: string) => void lines.push(`${message} ${JSON.stringify(facts)}`);
const logger: Logger = { debug() {}, info: write, warn: write, error: write, child: () => logger };

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'session-'));
  lines = [];
  clock = createFakeClock();
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open({ at = clock, secretsOnDisk = false }: { at?: Clock; secretsOnDisk?: boolean } = {}) {
  return openStateSession({
    stateDir: join(dir, 'state'),
    runDir: join(dir, 'run'),
    instance: 'default.a',
    owner: { mesh: 'default', name: 'a', controlPlane: 'https://cp:5678', envoyVersion: '1.40.0' },
    secretsOnDisk,
    graceMs: 3_000,
    maxAgeMs: 72 * HOUR,
    clock: at,
    logger,
  });
}

/** A run with a control plane, long enough to prove everything good, and a boot after it. */
async function run(secretsOnDisk = false): Promise<void> {
  const session = open({ secretsOnDisk });
  session.serving({ node: { id: 'default.a' } });
  session.accepted(aState({ key: 'PRIVATE-KEY' }));
  clock.advance(10_000);
  await session.knownGood.stop();
  // The host is booted: memory is lost.
  rmSync(join(dir, 'run'), { recursive: true, force: true });
}

/** A start with a control plane that is away, its grace over. */
async function startAlone(at: ReturnType<typeof createFakeClock> = clock, secretsOnDisk = false) {
  const session = open({ at, secretsOnDisk });
  let rejected: unknown;
  const begun = session
    .begin(async (goOn) => {
      const failure = { code: 'control-plane-unreachable', message: 'nothing listens' };
      if (goOn(failure)) return new Promise(() => {});
      throw new Error('gave up');
    })
    .catch((error: unknown) => {
      rejected = error;
      return undefined;
    });
  await Promise.resolve();
  at.advance(3_000);
  return { session, begun: await begun, rejected };
}

describe('a start without the control plane', () => {
  test('has the bootstrap and the state of the run before, and says how old they are', async () => {
    await run();
    clock.advance(HOUR);
    const { session, begun } = await startAlone();
    expect(begun).toMatchObject({ kind: 'stale', bootstrap: { node: { id: 'default.a' } } });
    expect(session.stale).toMatchObject({ cause: 'nothing listens', confirmedAt: expect.any(Number) });
    expect(lines.find((l) => l.includes('STALE'))).toMatch(/"age":"1h0m/);
  });

  test('says what stays closed without its private keys, in the log and to whoever asks', async () => {
    await run();
    const { session } = await startAlone();
    expect(lines.some((l) => l.startsWith('no identity: mTLS listeners stay closed'))).toBe(true);
    if (session.stale === undefined) throw new Error('not stale');
    expect(describeStale(session.stale)).toEqual([
      expect.stringMatching(/^STALE: serving the last known good configuration of 2030-.*: nothing listens$/),
      'no identity: mTLS listeners stay closed (identity_cert:secret:default)',
    ]);
  });

  test('has its private keys where they may be kept on disk', async () => {
    await run(true);
    const { session, begun } = await startAlone(clock, true);
    expect(session.stale?.missingSecrets).toEqual([]);
    expect(begun).toMatchObject({ generation: { state: { types: { length: 4 } } } });
  });

  test('gives up as before when the state is too old, and says so', async () => {
    await run();
    clock.advance(80 * HOUR);
    const { rejected } = await startAlone();
    expect(rejected).toMatchObject({ message: 'gave up' });
    expect(lines.some((l) => /80h0m\d*s old, more than 72h0m0s/.test(l))).toBe(true);
  });

  test('serves under a clock that was set back to its beginning, and says that the age is unknown', async () => {
    await run();
    const { session } = await startAlone(createFakeClock(0));
    expect(session.stale?.confirmedAt).toBeUndefined();
    expect(lines.some((l) => l.includes('the clock was set back'))).toBe(true);
  });

  test('does not make old state young: what it serves is saved only once it is confirmed', async () => {
    await run();
    const writtenAt = open().usable === undefined ? 0 : clock.now();
    clock.advance(60 * HOUR);
    const { session } = await startAlone();
    session.serving({ node: { id: 'default.a' } });
    session.accepted(aState({ cluster: 'from the old state' }));
    clock.advance(HOUR);
    await session.knownGood.stop();
    clock.advance(12 * HOUR);
    expect(writtenAt).toBeGreaterThan(0);
    expect(open().usable).toBeUndefined();
  });

  test('is fresh again when the control plane is back, and that counts for the age', async () => {
    await run();
    clock.advance(60 * HOUR);
    const { session } = await startAlone();
    session.markFresh();
    await session.knownGood.stop();
    expect(session.stale).toBeUndefined();
    clock.advance(60 * HOUR);
    expect(open().usable).toBeDefined();
  });
});
