import { expect, test } from 'vitest';
import { mergeLabels } from '../../../../src/cp/resources/labels.ts';

const server = {
  'kuma.io/mesh': 'm',
  'kuma.io/origin': 'zone',
  'kuma.io/zone': 'default',
  'kuma.io/env': 'universal',
};

test('labels of the document and of the control plane stand together, sorted', () => {
  const { labels, violations } = mergeLabels({
    document: { team: 'a', 'kuma.io/zone': 'default' },
    server,
    existing: undefined,
  });
  expect(violations).toEqual([]);
  expect(Object.keys(labels)).toEqual([
    'kuma.io/env',
    'kuma.io/mesh',
    'kuma.io/origin',
    'kuma.io/zone',
    'team',
  ]);
});

test.each(['kuma.io/mesh', 'kuma.io/origin', 'kuma.io/zone'])('a document cannot say another %s', (label) => {
  const { violations } = mergeLabels({ document: { [label]: 'other' }, server, existing: server });
  expect(violations.map(({ field }) => field)).toEqual([`labels["${label}"]`]);
});

test('labels a type does not carry are left to the document', () => {
  const { labels, violations } = mergeLabels({
    document: { 'kuma.io/origin': 'global' },
    server: {},
    existing: undefined,
  });
  expect({ labels, violations }).toEqual({ labels: { 'kuma.io/origin': 'global' }, violations: [] });
});

test('a PUT replaces the labels of before', () => {
  expect(mergeLabels({ document: { b: '2' }, server: {}, existing: { a: '1' } }).labels).toEqual({ b: '2' });
});

test('the display name stays, left out or not, and cannot be changed', () => {
  const existing = { 'kuma.io/display-name': 'x' };
  expect(mergeLabels({ document: {}, server: {}, existing }).labels).toEqual(existing);
  const { violations } = mergeLabels({ document: { 'kuma.io/display-name': 'y' }, server: {}, existing });
  expect(violations).toEqual([
    { field: 'labels["kuma.io/display-name"]', message: 'cannot be changed, it is "x"' },
  ]);
});
