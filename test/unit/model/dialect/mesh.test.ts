import { expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { translateMesh } from '../../../../src/model/dialect/mesh.ts';

const translate = (fields: JsonObject) => translateMesh({ type: 'Mesh', name: 'm', ...fields });

test.each<JsonObject>([
  { mtls: { enabled: false } },
  { mtls: { enabled: false, ca: { builtin: {} } } },
  { mtls: { ca: { builtin: {} } } },
  { logging: { accessLogs: { enabled: false } } },
])('%j means what a mesh without it means, so it goes without a word', (fields) => {
  expect(translate(fields)).toMatchObject({
    body: { type: 'Mesh', name: 'm' },
    violations: [],
    warnings: [],
  });
  expect(Object.keys(translate(fields).body)).toEqual(['type', 'name']);
});

test('mtls that is on is refused, so that nobody takes a plain mesh for an encrypted one', () => {
  const { violations } = translate({ mtls: { enabled: true, ca: { builtin: {} } } });
  expect(violations).toEqual([
    { field: 'mtls.enabled', message: expect.stringMatching(/^mTLS is not available yet/) },
  ]);
});

test.each(['true', 1, 'yes', {}])('mtls.enabled: %j is refused instead of taken for off', (enabled) => {
  expect(translate({ mtls: { enabled } }).violations).toEqual([
    { field: 'mtls.enabled', message: expect.stringMatching(/^must be true or false, got /) },
  ]);
});

test('what mtls says of today beside the old switch is kept', () => {
  expect(translate({ mtls: { enabled: false, enabledBackend: 'ca-1' } }).body.mtls).toEqual({
    enabledBackend: 'ca-1',
  });
});

test('access logs of 0.1 become the default backend', () => {
  expect(translate({ logging: { accessLogs: { enabled: true, filePath: '/x' } } }).body.logging).toEqual({
    defaultBackend: 'file',
    backends: [{ name: 'file', type: 'file', conf: { path: '/x' } }],
  });
});

test('a mesh of today comes back itself', () => {
  const body = { type: 'Mesh', name: 'm', mtls: { backends: [] }, logging: { backends: [] } };
  expect(translateMesh(body).body).toBe(body);
});
