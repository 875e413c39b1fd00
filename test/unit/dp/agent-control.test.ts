import { expect, test } from 'vitest';
import { createAgentControl } from '../../../src/dp/agent-control.ts';
import { createMachine } from '../../../src/dp/state/machine.ts';
import { silentLogger } from '../../../src/lib/logger.ts';

/** The control of an agent whose Envoy serves, with --keep-envoy. */
function serving() {
  const machine = createMachine(silentLogger);
  machine.dispatch({ event: 'located', envoyVersion: '1' });
  machine.dispatch({ event: 'bootstrapped' });
  machine.dispatch({ event: 'spawned', pid: 7 });
  machine.dispatch({ event: 'serving' });
  const control = createAgentControl({
    ...{ mesh: 'm', name: 'a', machine, logger: silentLogger, readinessPort: () => 1, stop() {} },
    keepsEnvoy: true,
  });
  return { machine, control };
}

test('an Envoy that serves is left alone, also while another takes over from it', () => {
  const { machine, control } = serving();
  machine.dispatch({ event: 'hand-over', cause: 'SIGHUP' });
  expect(control.detach().ok).toBe(true);
  expect(control.detached.aborted).toBe(true);
});

test('an Envoy that is drained to make place for another is not left alone: it would serve no more', () => {
  const { machine, control } = serving();
  machine.dispatch({ event: 'hand-over', cause: 'SIGHUP', cold: true });
  expect(control.detach()).toEqual({
    ok: false,
    text: 'Envoy is drained and started anew (SIGHUP): try again when the proxy is ready',
  });
  expect(control.detached.aborted).toBe(false);
});

test('an Envoy that is not taken over yet is left alone as one that is', () => {
  const control = createAgentControl({
    ...{ mesh: 'm', name: 'a', machine: createMachine(silentLogger), logger: silentLogger },
    ...{ readinessPort: () => 1, stop() {}, keepsEnvoy: true, takesUp: () => true },
  });
  expect(control.detach().ok).toBe(true);
});
