import { expect, test } from 'vitest';
import { parseDataplane } from '../../../../src/dp/dataplane/resource.ts';

const parse = (text: string) => parseDataplane(text, new Map([['port', '8080']]), 'dp.yaml');

test('name and mesh come from the Dataplane, and it is handed on as JSON, whichever dialect it speaks', () => {
  const result = parse(
    'type: Dataplane\nmesh: m\nname: web\nnetworking:\n  inbound: [{interface: "127.0.0.1:{{ port }}:80"}]\n',
  );
  expect(result).toMatchObject({ ok: true, mesh: 'm', name: 'web' });
  expect(JSON.parse(result.ok ? result.json : '')).toEqual({
    type: 'Dataplane',
    mesh: 'm',
    name: 'web',
    networking: { inbound: [{ interface: '127.0.0.1:8080:80' }] },
  });
});

test('a Dataplane without a mesh is in the mesh default', () => {
  expect(parse('type: Dataplane\nname: web')).toMatchObject({ ok: true, mesh: 'default' });
});

test.each([
  ['', 'holds no Dataplane'],
  ['# nothing\n---\n', 'holds no Dataplane'],
  ['type: Mesh\nname: m', 'type must be Dataplane, got "Mesh"'],
  ['name: web', 'type must be Dataplane, got null'],
  ['type: Dataplane', 'name is missing'],
  ['type: Dataplane\nname: 3', 'name is missing'],
  ['type: Dataplane\nname: a\n---\ntype: Dataplane\nname: b', 'several documents'],
  ['a: [', 'is not valid YAML'],
  ['- a', 'is not a mapping'],
  ['name: {{ nobody }}', '{{ nobody }} has no value'],
])('%j is refused: %s', (text, message) => {
  const result = parse(text);
  expect(result.ok).toBe(false);
  expect(result.ok ? [] : result.violations).toEqual([
    { field: 'dp.yaml', message: expect.stringContaining(message) },
  ]);
});

test('a tab is told with its place, in a sentence that others can go on with', () => {
  expect(parse('a:\n\tb: 1')).toMatchObject({
    violations: [{ message: 'is not valid YAML: Tabs are not allowed as indentation at line 2, column 1' }],
  });
});
