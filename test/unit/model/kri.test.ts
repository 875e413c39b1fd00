import { expect, test } from 'vitest';
import { formatKri } from '../../../src/model/kri.ts';

const key = { type: 'Dataplane', mesh: 'bookinfo', name: 'r1' };

test('a Dataplane is named by mesh, zone and name', () => {
  expect(formatKri({ key, labels: { 'kuma.io/zone': 'default' } })).toBe('kri_dp_bookinfo_default__r1_');
  expect(formatKri({ key, labels: {} }, 'http')).toBe('kri_dp_bookinfo___r1_http');
});

test('the name for people stands for a name that was made', () => {
  expect(formatKri({ key: { ...key, name: 'r1-x8z' }, labels: { 'kuma.io/display-name': 'r1' } })).toBe(
    'kri_dp_bookinfo___r1_',
  );
});

test('a type without a short name has none', () => {
  expect(formatKri({ key: { ...key, type: 'DataplaneInsight' }, labels: {} })).toBeUndefined();
});
