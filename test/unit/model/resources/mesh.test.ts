import { describe, expect, test } from 'vitest';
import { meshType } from '../../../../src/model/resources/mesh.ts';

describe('mtls', () => {
  const backends = [{ name: 'ca-1', type: 'builtin' }];

  test('that is enabled is refused with the reason', () => {
    expect(meshType.parse({ mtls: { enabledBackend: 'ca-1', backends } })).toEqual({
      spec: undefined,
      violations: [
        { field: 'mtls.enabledBackend', message: expect.stringMatching(/^mTLS is not available yet/) },
      ],
      warnings: [],
    });
  });

  test('that is only prepared is stored', () => {
    const { spec, warnings } = meshType.parse({ mtls: { enabledBackend: '', backends } });
    expect(spec).toEqual({ mtls: { backends } });
    expect(warnings).toEqual(['mtls: no effect yet']);
  });
});

test.each(['logging', 'tracing', 'metrics'])('%s is stored with a warning', (section) => {
  const content = { backends: [{ name: 'b', type: 'x', conf: { any: ['thing', 1, null] } }] };
  const { spec, violations, warnings } = meshType.parse({ [section]: content });
  expect(violations).toEqual([]);
  expect(spec).toEqual({ [section]: content });
  expect(warnings).toEqual([`${section}: no effect yet`]);
});

test('sections that nothing looks into are copied, so that freezing them leaves the input alone', () => {
  const conf = { list: [{ a: 1 }] };
  const { spec } = meshType.parse({ metrics: { backends: [conf] } });
  expect(spec).toEqual({ metrics: { backends: [conf] } });
  expect(Object.isFrozen(conf.list)).toBe(false);
});

test('an empty section is no reason for a warning', () => {
  expect(
    meshType.parse({ logging: {}, meshServices: {}, constraints: { dataplaneProxy: {} } }).warnings,
  ).toEqual([]);
});

test('passthrough off keeps apart from passthrough not given', () => {
  const networking = { outbound: { passthrough: false } };
  expect(meshType.parse({ networking }).spec).toEqual({ networking });
});

test.each([
  [{ mtls: true }, 'mtls', 'must be an object, got true'],
  [{ logging: { backends: {} } }, 'logging.backends', 'must be a list, got an object'],
  [{ mtls: { backends: [1] } }, 'mtls.backends[0]', 'must be an object, got the number 1'],
  [
    { skipCreatingInitialPolicies: ['*', 2] },
    'skipCreatingInitialPolicies[1]',
    'must be a string, got the number 2: write it in quotes',
  ],
])('%j is refused', (fields, field, message) => {
  expect(meshType.parse(fields).violations).toEqual([{ field, message }]);
});
