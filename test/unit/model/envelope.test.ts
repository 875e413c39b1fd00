import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/lib/json.ts';
import { describeViolations } from '../../../src/lib/violations.ts';
import { parseEnvelope, toRest } from '../../../src/model/envelope.ts';
import { meshType } from '../../../src/model/resources/mesh.ts';

const base = { type: 'Dataplane', mesh: 'm', name: 'a' };
const refusal = (body: JsonObject) => describeViolations(parseEnvelope(body).violations);
const CHARACTERS =
  "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
  'and must start and end with an alphanumeric character';

test.each<[JsonObject, string]>([
  [base, ''],
  [{}, 'type: cannot be empty; name: cannot be empty'],
  [{ ...base, type: 'Foo' }, 'type: invalid resource type "Foo"'],
  [{ ...base, type: 'constructor' }, 'type: invalid resource type "constructor"'],
  [{ ...base, type: 1 }, 'type: must be a string, got the number 1: write it in quotes'],
  [{ ...base, name: '' }, 'name: cannot be empty'],
  [{ ...base, name: 7 }, 'name: must be a string, got the number 7: write it in quotes'],
  [{ ...base, name: 'A' }, `name: ${CHARACTERS}`],
  [{ ...base, name: 'a_b' }, `name: ${CHARACTERS}`],
  [{ ...base, name: '-a' }, `name: ${CHARACTERS}`],
  [{ ...base, name: 'a..b' }, `name: ${CHARACTERS}`],
  [{ ...base, name: 'a.b-1' }, ''],
  [{ ...base, name: 'a'.repeat(253) }, ''],
  [{ ...base, name: 'a'.repeat(254) }, 'name: must not be longer than 253 characters'],
  [{ type: 'Mesh', name: 'a'.repeat(63) }, ''],
  [{ type: 'Mesh', name: 'a'.repeat(64) }, 'name: must not be longer than 63 characters'],
  [{ ...base, mesh: 'old_mesh' }, ''],
  [{ ...base, mesh: 'M' }, `mesh: ${CHARACTERS}`],
  [{ ...base, mesh: '' }, 'mesh: cannot be empty'],
  [{ ...base, labels: [] }, 'labels: must be an object, got a list'],
  [{ ...base, labels: { a: 1 } }, 'labels["a"]: must be a string, got the number 1: write it in quotes'],
])('%j is answered with "%s"', (body, message) => {
  expect(refusal(body)).toBe(message);
});

test('the mesh is a default only where the caller says so', () => {
  const body = { type: 'Dataplane', name: 'a' };
  expect(refusal(body)).toBe('mesh: cannot be empty');
  expect(parseEnvelope(body, { defaultMesh: 'default' }).spec?.mesh).toBe('default');
});

test('fields are what is left; what the server wrote is dropped without a word', () => {
  const body = {
    ...base,
    labels: { k: 'v' },
    creationTime: 'x',
    modificationTime: 'x',
    kri: 'x',
    status: {},
    networking: {},
  };
  const { spec, warnings } = parseEnvelope(body);
  expect(spec).toMatchObject({ mesh: 'm', name: 'a', labels: { k: 'v' }, fields: { networking: {} } });
  expect(Object.keys(spec?.fields ?? {})).toEqual(['networking']);
  expect(warnings).toEqual([]);
});

test('a mesh field on a type of global scope is dropped with a warning', () => {
  const { spec, warnings } = parseEnvelope({ type: 'Mesh', name: 'a', mesh: 'b' });
  expect(spec).toMatchObject({ type: meshType, mesh: '' });
  expect(warnings).toEqual(['mesh: ignored: a Mesh does not belong to a mesh']);
});

describe('REST', () => {
  const times = { creationTime: '2026-01-01T00:00:00Z', modificationTime: '2026-01-02T00:00:00Z' };

  test('a resource is shown in the order of 2.14, and read back as it was', () => {
    const spec = {
      networking: { address: '10.0.0.1', inbound: [{ port: 80, tags: { 'kuma.io/service': 'a' } }] },
    };
    const key = { type: 'Dataplane', mesh: 'bookinfo', name: 'r1' };
    const shown = toRest({ key, labels: { 'kuma.io/zone': 'default' }, ...times, revision: 3, spec });
    expect(Object.keys(shown)).toEqual([
      'type',
      'mesh',
      'name',
      'creationTime',
      'modificationTime',
      'labels',
      'kri',
      'networking',
    ]);
    expect(shown.kri).toBe('kri_dp_bookinfo_default__r1_');
    expect(parseEnvelope(shown).spec).toMatchObject({ mesh: 'bookinfo', name: 'r1', fields: spec });
  });

  test('a global resource has no mesh', () => {
    const key = { type: 'Mesh', mesh: '', name: 'm' };
    expect(toRest({ key, labels: {}, ...times, revision: 1, spec: {} })).toEqual({
      type: 'Mesh',
      name: 'm',
      ...times,
      kri: 'kri_m____m_',
    });
  });
});
