import { expect, test } from 'vitest';
import { parseBody } from '../../../../src/cp/api/body.ts';

test('one JSON object is taken', () => {
  expect(parseBody(Buffer.from('{"type":"Mesh"}'))).toEqual({ kind: 'object', value: { type: 'Mesh' } });
});

test.each([
  ['nothing', undefined, 'has no body'],
  ['no bytes', Buffer.alloc(0), 'has no body'],
  ['half an object', Buffer.from('{"type"'), 'is not valid JSON'],
  ['YAML', Buffer.from('type: Mesh'), 'is not valid JSON'],
  ['a list', Buffer.from('[]'), 'has to be a JSON object'],
  ['null', Buffer.from('null'), 'has to be a JSON object'],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not UTF-8'],
])('%s is refused with what is wrong', (_what, bytes, detail) => {
  expect(parseBody(bytes)).toMatchObject({ kind: 'invalid', detail: expect.stringContaining(detail) });
});
