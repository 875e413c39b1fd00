import { describe, expect, test } from 'vitest';
import { parseDocuments, parseFieldPath } from '../../../../src/cli/apply/documents.ts';

const parse = (text: string) => parseDocuments({ from: 'stdin', text });

describe('documents of a text', () => {
  test('are split at ---, those without content left out', () => {
    const bodies = parse('---\na: 1\n---\n# only a comment\n---\n\n---\nb: 2\n').map(({ body }) => body);
    expect(bodies).toEqual([{ a: 1 }, { b: 2 }]);
  });

  test('may be JSON', () => {
    expect(parse('{"type": "Mesh", "name": "m"}').map(({ body }) => body)).toEqual([
      { type: 'Mesh', name: 'm' },
    ]);
  });

  test('none come from an empty text', () => {
    expect(parse('')).toEqual([]);
  });

  test('with a mistake in the YAML say where it is, and the others are still read', () => {
    const [bad, good] = parse('a: b: c\n---\nd: 1\n');
    expect(bad?.syntaxError).toMatch(/\(stdin:1:\d+\)$/);
    expect(bad?.syntaxError).not.toContain('\n');
    expect(good?.body).toEqual({ d: 1 });
  });

  test('with a key twice are refused', () => {
    expect(parse('a: 1\na: 2\n')[0]?.syntaxError).toMatch(/unique.*stdin:2:1/);
  });

  test('that grow without bound by references are refused', () => {
    const text = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]',
      'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]',
      'd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]',
      '',
    ].join('\n');
    expect(parse(text)[0]?.syntaxError).toMatch(/alias/i);
  });
});

describe('the place of a field', () => {
  const text = `type: Dataplane
networking:
  inbound:
  - port: 80
    tags:
      kuma.io/service: web
  - tags: {version: v1}
`;
  const [document] = parse(text);

  test.each([
    ['type', 'stdin:1:1'],
    ['networking.inbound[0].port', 'stdin:4:5'],
    ['networking.inbound[0].tags["kuma.io/service"]', 'stdin:6:7'],
    ['networking.inbound[1].tags["version"]', 'stdin:7:12'],
  ])('%s is where its key stands', (field, place) => {
    expect(document?.locate(field)).toBe(place);
  });

  test.each([
    ['networking.address', 'stdin:2:1'],
    ['networking.inbound[1].tags["kuma.io/service"]', 'stdin:7:5'],
    ['networking.inbound[7].port', 'stdin:3:3'],
    ['', 'stdin:1:1'],
  ])('%s, which is missing, is the nearest thing above it', (field, place) => {
    expect(document?.locate(field)).toBe(place);
  });

  test('counts lines over all documents of a text', () => {
    expect(parse('a: 1\n---\nb: 2\n')[1]?.locate('b')).toBe('stdin:3:1');
  });

  test('follows references', () => {
    expect(parse('x: &x\n  y: 1\nz: *x\n')[0]?.locate('z.y')).toBe('stdin:2:3');
  });
});

test('a field path is taken apart at dots, indexes and quoted keys', () => {
  expect(parseFieldPath('networking.inbound[10].tags["kuma.io/\\"x"].y')).toEqual([
    'networking',
    'inbound',
    10,
    'tags',
    'kuma.io/"x',
    'y',
  ]);
});
