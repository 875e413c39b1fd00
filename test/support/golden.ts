import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';

/** One `<name>.input.yaml` and what is expected of it in `<name>.golden.yaml` beside it. */
export interface GoldenCase {
  readonly name: string;
  readonly input: unknown;
  readonly goldenFile: string;
}

const INPUT = '.input.yaml';
const GOLDEN = '.golden.yaml';

export function goldenCases(folder: string): readonly GoldenCase[] {
  return namesOf(folder, INPUT).map((name) => ({
    name,
    input: parse(readFileSync(join(folder, name + INPUT), 'utf8')),
    goldenFile: join(folder, name + GOLDEN),
  }));
}

/** What the golden files hold, by case. */
export function readGoldens(folder: string): ReadonlyMap<string, unknown> {
  return new Map(
    namesOf(folder, GOLDEN).map((n) => [n, parse(readFileSync(join(folder, n + GOLDEN), 'utf8'))]),
  );
}

/** Golden files without an input: nothing compares with them. */
export function unusedGoldens(folder: string): readonly string[] {
  return namesOf(folder, GOLDEN).filter((name) => !existsSync(join(folder, name + INPUT)));
}

/** Compares with the golden file; with UPDATE_GOLDEN=1, outside CI, rewrites it instead. Empty output means no file. */
export function expectGolden({ goldenFile }: GoldenCase, actual: unknown): void {
  const text = isEmpty(actual) ? '' : stringify(actual, { lineWidth: 0, aliasDuplicateObjects: false });
  if (process.env.UPDATE_GOLDEN === '1') {
    if (process.env.CI !== undefined) throw new Error('golden files are not rewritten in CI');
    if (text === '') rmSync(goldenFile, { force: true });
    else writeFileSync(goldenFile, text);
  }
  const expected = existsSync(goldenFile) ? readFileSync(goldenFile, 'utf8') : '';
  expect(text, `differs from ${goldenFile}; UPDATE_GOLDEN=1 rewrites it`).toBe(expected);
}

function namesOf(folder: string, ending: string): readonly string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(ending));
  return files.map((file) => file.slice(0, -ending.length)).sort();
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  );
}
