import { expect, test } from 'vitest';
import { createLogGate } from '../../../../src/dp/logs/gate.ts';

test('what comes while the gate is shut is let go, what comes before and after is written', () => {
  const written: string[] = [];
  const gate = createLogGate({ write: (line) => written.push(line), flush: () => Promise.resolve() });
  gate.write('before');
  gate.shut();
  gate.write('meanwhile');
  gate.open();
  gate.write('after');
  expect(written).toEqual(['before', 'after']);
});
