import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configurationPage } from '../../../scripts/lib/reference-docs.ts';
import { EXIT_CODES } from '../../../src/dp/exit-codes.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

test('docs/configuration.md says what the programs read (npm run docs writes it)', () => {
  expect(read('docs/configuration.md')).toBe(configurationPage());
});

describe('docs/errors.md', () => {
  test('lists every exit code of kuma-dp with its name', () => {
    const page = read('docs/errors.md');
    for (const [name, code] of Object.entries(EXIT_CODES))
      expect(page).toContain(`| ${code} | \`${name}\` |`);
  });

  test('lists every error code of every module', () => {
    const page = read('docs/errors.md');
    const unions = globSync('src/**/*.ts', { cwd: root }).flatMap((path) => [
      ...read(path).matchAll(/export type (\w+)ErrorCode\s*=\s*((?:\|?\s*'[^']+'\s*)+);/g),
    ]);
    expect(unions.length).toBeGreaterThan(4);
    for (const [, name, codes] of unions) {
      const section = page.slice(page.indexOf(`### ${name}Error`));
      expect(page).toContain(`### ${name}Error`);
      for (const [, code] of (codes ?? '').matchAll(/'([^']+)'/g)) expect(section).toContain(`\`${code}\``);
    }
  });
});
