import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { expectGolden, goldenCases, unusedGoldens } from '../../../support/golden.ts';
import { renderCase, testdata } from './support.ts';

describe('the bootstrap Envoy is given', () => {
  test.each(goldenCases(testdata))('$name', async (golden) => {
    const text = await renderCase(golden.input);
    expectGolden(golden, parse(text));
    // Old agents and Envoy read it by the rules of YAML 1.1, where more words mean something.
    expect(parse(text, { version: '1.1' })).toEqual(parse(text));
  });

  test('has no golden file that nothing compares with', () => {
    expect(unusedGoldens(testdata)).toEqual([]);
  });
});
