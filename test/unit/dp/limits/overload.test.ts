import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { boundEnvoy } from '../../../../src/dp/limits/overload.ts';

const overlays = join(import.meta.dirname, '..', '..', '..', '..', 'bootstrap-templates', 'overlays');
const read = (name: string) => readFileSync(join(overlays, name), 'utf8');
const templates = { memory: read('memory.yaml'), connections: read('connections.yaml') };

test('with a memory limit Envoy sheds load before the kernel kills it', () => {
  const bounded = boundEnvoy({ node: { id: 'a' } }, { heapBytes: 1000, connections: 50 }, templates);
  expect(bounded.node).toEqual({ id: 'a' });
  const text = JSON.stringify(bounded.overload_manager);
  expect(text).toContain('"max_heap_size_bytes":1000');
  expect(text).toContain('"max_active_downstream_connections":50');
  for (const action of ['shrink_heap', 'stop_accepting_requests', 'stop_accepting_connections'])
    expect(text).toContain(`envoy.overload_actions.${action}`);
});

test('without one only connections are limited', () => {
  const text = JSON.stringify(boundEnvoy({}, { heapBytes: undefined, connections: 50 }, templates));
  expect(text).toContain('"max_active_downstream_connections":50');
  expect(text).not.toContain('fixed_heap');
});

test('an overload manager that came with the bootstrap stays as it is', () => {
  const received = { overload_manager: { refresh_interval: '1s' } };
  expect(boundEnvoy(received, { heapBytes: 1000, connections: 50 }, templates)).toBe(received);
});
