import { describe, expect, test } from 'vitest';
import { describeState, toMessage } from '../../../../src/dp/notify/message.ts';

const context = { announced: true, monotonicMs: 12.5, patience: { startMs: 300_000, stopMs: 40_000 } };

describe('what systemd is told', () => {
  test('a proxy that serves is READY, with a status', () => {
    const { lines } = toMessage({ state: 'ready', restarts: 0, pid: 7 }, context);
    expect(lines).toEqual(['READY=1', 'STATUS=Ready, Envoy is pid 7']);
  });

  test('a refused update does not make it less ready', () => {
    const { lines } = toMessage({ state: 'degraded', restarts: 0, pid: 7, reason: 'listeners' }, context);
    expect(lines[0]).toBe('READY=1');
    expect(lines[1]).toContain('listeners');
  });

  test('a hand-over is a reload, stamped with the time systemd wants', () => {
    const state = { state: 'handing-over', restarts: 0, pid: 7, cause: 'a new binary' } as const;
    expect(toMessage(state, context).lines.slice(0, 2)).toEqual(['RELOADING=1', 'MONOTONIC_USEC=12500']);
    expect(toMessage(state, { ...context, announced: false }).lines).toEqual([
      expect.stringMatching(/^STATUS=/),
    ]);
  });

  test('a stop asks for as much time as draining may take', () => {
    const { lines } = toMessage({ state: 'draining', cause: 'SIGTERM' }, context);
    expect(lines).toEqual(['STOPPING=1', 'STATUS=Draining (SIGTERM)', 'EXTEND_TIMEOUT_USEC=40000000']);
  });

  test('a drain on request, after which the service stays, is no stop', () => {
    const { lines } = toMessage({ state: 'draining', cause: 'a request', stays: true }, context);
    expect(lines).toEqual(['STATUS=Draining (a request)']);
  });

  test('a start that waits for the control plane asks for patience', () => {
    const { lines } = toMessage({ state: 'bootstrapping', envoyVersion: '1.40.0' }, context);
    expect(lines).toContain('EXTEND_TIMEOUT_USEC=300000000');
  });

  test('a restart of Envoy is a status only', () => {
    const state = { state: 'restarting', restarts: 2, delayMs: 5, reason: 'exit code 7' } as const;
    expect(toMessage(state, context)).toEqual({
      lines: ['STATUS=Envoy ended (exit code 7), starts again; 2 restarts so far'],
      replaceable: true,
    });
  });
});

test('a status is one line of bounded length, whatever Envoy said', () => {
  const reason = `first\nREADY=1\u0007${'x'.repeat(500)}`;
  const text = describeState({ state: 'degraded', restarts: 0, pid: 1, reason });
  expect(text).not.toMatch(/\p{Cc}/u);
  expect(text.length).toBeLessThanOrEqual(240);
});
