import { describe, expect, test } from 'vitest';
import { parseVariables, renderTemplate } from '../../../../src/cli/apply/template.ts';

describe('variables on the command line', () => {
  test('are name and value, the value may hold more equal signs or nothing', () => {
    expect([...parseVariables(['a=1', 'b=x=y', 'c='], '--var')]).toEqual([
      ['a', '1'],
      ['b', 'x=y'],
      ['c', ''],
    ]);
  });

  test.each(['a', '=1', ''])('%j is refused', (text) => {
    expect(() => parseVariables([text], '--var')).toThrow(`--var is "${text}", but must be NAME=VALUE`);
  });
});

describe('placeholders', () => {
  const render = (text: string, ...flags: string[]) =>
    renderTemplate(text, parseVariables(flags, '--var'), 'dp.yaml');

  test('are replaced with and without spaces, values taken as they are', () => {
    expect(render('a: {{ ip }}:{{port}} {{{ip}}}', 'ip=$&<x>', 'port=80')).toBe('a: $&<x>:80 $&<x>');
  });

  test('are left alone when no variable is given at all', () => {
    expect(render('a: {{ ip }}')).toBe('a: {{ ip }}');
  });

  test('that begin with a dot belong to the resource and are left alone', () => {
    expect(render('t: "{{ .Name }}.{{.Zone}}" # {{ a }}', 'a=1')).toBe('t: "{{ .Name }}.{{.Zone}}" # 1');
  });

  test('without a value are an error that names the line', () => {
    expect(() => render('x: 1\ny: {{ port }}\n', 'ip=1')).toThrow(
      'dp.yaml:2: no value for {{ port }}; give it with --var port=VALUE',
    );
  });
});
