import { describe, expect, test } from 'vitest';
import { parseBroughtDataplane } from '../../../../src/cp/bootstrap/brought-dataplane.ts';

test('JSON and YAML of the same document are the same', () => {
  const json = parseBroughtDataplane('{"type": "Dataplane", "networking": {"address": "1.2.3.4"}}');
  expect(json).toEqual({
    kind: 'object',
    value: { type: 'Dataplane', networking: { address: '1.2.3.4' } },
  });
  expect(parseBroughtDataplane('type: Dataplane\nnetworking: {address: 1.2.3.4}')).toEqual(json);
});

test.each(['', 'just text', '[1]', 'null', '- a\n- b', '1'])('%j is no document', (text) => {
  expect(parseBroughtDataplane(text)).toEqual({ kind: 'invalid', reason: 'it is not a mapping' });
});

test.each(['{', 'a: b: c', '---\na: 1\n---\nb: 2'])('%j is refused in a few words', (text) => {
  expect(parseBroughtDataplane(text)).toEqual({ kind: 'invalid', reason: 'it is neither JSON nor YAML' });
});

test('a large Dataplane is taken as JSON', () => {
  const outbound = Array.from({ length: 5_000 }, (_, i) => ({
    port: i,
    tags: { 'kuma.io/service': `s${i}` },
  }));
  expect(parseBroughtDataplane(JSON.stringify({ networking: { outbound } })).kind).toBe('object');
});

// A megabyte of keys takes the YAML parser minutes, and everybody would wait.
describe('text that is made to be slow is answered at once', () => {
  const MEGABYTE = 1024 * 1024;
  const lines = (line: (i: number) => string, count: number) =>
    Array.from({ length: count }, (_, i) => line(i));
  test.each([
    ['many keys', lines((i) => `k${i}: 1\n`, MEGABYTE / 10).join('')],
    ['many keys, short enough to be read', lines((i) => `k${i}: 1\n`, 3_000).join('')],
    ['deep lists', '['.repeat(MEGABYTE)],
    ['deep mappings, short enough to be read', '{a: '.repeat(8_000)],
    ['JSON that is too large', JSON.stringify({ a: 'x'.repeat(MEGABYTE) })],
    ['many aliases', `a: &a b\nb: [${lines(() => '*a', 9_000).join(',')}]`],
  ])('%s', (_what, text) => {
    const start = performance.now();
    parseBroughtDataplane(text);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
