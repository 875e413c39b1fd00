import { describe, expect, test } from 'vitest';
import type { Summary } from '../../../../src/dp/crew/summary.ts';
import { createVoice } from '../../../../src/dp/crew/voice.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function voice() {
  const clock = createFakeClock();
  const told: string[] = [];
  const happened: string[] = [];
  let now: Partial<Summary> = {};
  const self = createVoice({
    tell: ({ lines }) => told.push(lines.join('|')),
    summary: () => ({ total: 2, ready: 0, allReady: false, settled: false, text: 'x', lines: [], ...now }),
    clock,
    logger: silentLogger,
    onSettled: () => happened.push('settled'),
    onAllReady: () => happened.push('all ready'),
  });
  return {
    ...{ self, told, happened },
    is(summary: Partial<Summary>) {
      now = summary;
      self.changed();
      self.changed();
      clock.advance(100);
      return told.splice(0);
    },
  };
}

const READY = { ready: 2, allReady: true, settled: true, text: '2 of 2 ready' };

describe('what the service manager hears of several proxies', () => {
  test('is READY=1 once, when all are, and a status line with each change', () => {
    const { is, happened } = voice();
    expect(is({ ready: 1, text: '1 of 2 ready; m.b: starting' })).toEqual([
      'STATUS=1 of 2 ready; m.b: starting',
    ]);
    expect(happened).toEqual([]);
    expect(is(READY)).toEqual(['READY=1|STATUS=2 of 2 ready']);
    expect(is({ ...READY, ready: 1, allReady: false, text: '1 of 2 ready' })).toEqual([
      'STATUS=1 of 2 ready',
    ]);
    expect(is(READY)).toEqual(['STATUS=2 of 2 ready']);
    expect(happened).toEqual(['settled', 'all ready', 'all ready']);
  });

  test('does not wait for one that cannot start, as long as another serves', () => {
    const { is } = voice();
    expect(is({ ready: 0, settled: true, text: '0 of 2 ready' })).toEqual(['STATUS=0 of 2 ready']);
    expect(is({ ready: 1, settled: true, text: '1 of 2 ready' })).toEqual(['READY=1|STATUS=1 of 2 ready']);
  });

  test('is READY=1 also when there is nobody to wait for', () => {
    expect(voice().is({ total: 0, settled: true, text: 'no Dataplane in d yet' })).toEqual([
      'READY=1|STATUS=no Dataplane in d yet',
    ]);
  });

  test('tells of reloads only after it was ready, and of nothing after it stops', () => {
    const { self, is, told } = voice();
    self.reloading();
    expect(told).toEqual([]);
    is(READY);
    self.reloading();
    self.reloaded();
    self.stopping('SIGTERM', 45_000);
    expect(told.splice(0)).toEqual([
      expect.stringMatching(/^RELOADING=1\|MONOTONIC_USEC=\d+$/),
      'READY=1',
      'STOPPING=1|STATUS=Draining (SIGTERM)|EXTEND_TIMEOUT_USEC=45000000',
    ]);
    expect(is({ text: 'later' })).toEqual([]);
  });
});
