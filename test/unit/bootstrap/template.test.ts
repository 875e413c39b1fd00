import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderTemplate, type TemplateError } from '../../../src/bootstrap/template.ts';

describe('renderTemplate', () => {
  test('replaces whole scalars by values of any type', () => {
    const rendered = renderTemplate('a: ${port}\nb:\n  - ${map}\n  - x\n', {
      port: 9901,
      map: { k: [true] },
    });
    expect(rendered).toEqual({ a: 9901, b: [{ k: [true] }, 'x'] });
  });

  test('drops the key or item of an optional placeholder that is not given', () => {
    expect(renderTemplate('a: ${x?}\nb:\n  - ${x?}\n  - 1\n', { x: undefined })).toEqual({ b: [1] });
  });

  test.each([
    ['a: ${x}', {}, 'unknown-placeholder'],
    ['a: ${x}', { x: undefined }, 'missing-parameter'],
    ['a: "port ${x}"', { x: 1 }, 'embedded-placeholder'],
    ['a: [', {}, 'not-yaml'],
    ['- a', {}, 'not-yaml'],
  ])('refuses %j', (template, parameters, code) => {
    expect(() => renderTemplate(template, parameters)).toThrow(
      expect.objectContaining({ code }) as TemplateError,
    );
  });

  test('no value can change the structure around it', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(renderTemplate('a: ${x}\nb: 1\n', { x: value })).toEqual({ a: value, b: 1 });
      }),
    );
  });
});
