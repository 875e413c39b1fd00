import { expect, test } from 'vitest';
import { fillTemplate, parseVariables } from '../../../../src/dp/dataplane/template.ts';

const variables = new Map([
  ['name', 'web'],
  ['net.address', '10.0.0.1'],
  ['odd', '<a> & "b" {{ name }} $&'],
  ['empty', ''],
]);

test.each([
  ['name: {{ name }}', 'name: web'],
  ['{{name}}-{{ name}}-{{{ name }}}-{{& name }}', 'web-web-web-web'],
  ['address: {{ net.address }}', 'address: 10.0.0.1'],
  ['a{{! remark }}b', 'ab'],
  ['{{ empty }}', ''],
  ['{ not: a, { tag } }', '{ not: a, { tag } }'],
])('%j becomes %j', (template, text) => {
  expect(fillTemplate(template, variables)).toEqual({ text, violations: [] });
});

test('a value is put in as it is: not escaped, not filled again, without the special signs of replacement', () => {
  expect(fillTemplate('{{ odd }}', variables).text).toBe('<a> & "b" {{ name }} $&');
});

test('every name without a value is told, with the way to give one', () => {
  const { violations } = fillTemplate('{{ nme }} {{{ other }}} {{#list}}', variables);
  expect(violations.map((v) => `${v.field} ${v.message}`)).toEqual([
    '{{ nme }} has no value; give one with -v nme=…',
    '{{{ other }}} has no value; give one with -v other=…',
    '{{#list}} sections, partials and delimiters are not supported',
  ]);
});

test('pairs may hold any value, and both of Kuma’s signs', () => {
  const { variables: read, violations } = parseVariables(['a=1,2=3', 'b:c:d', 'e=', 'nothing', '=x']);
  expect(Object.fromEntries(read)).toEqual({ a: '1,2=3', b: 'c:d', e: '' });
  expect(violations).toHaveLength(2);
});
