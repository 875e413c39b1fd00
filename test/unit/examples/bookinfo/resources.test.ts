import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readResource } from '../../../../src/model/read-resource.ts';
import { clonePath } from '../../../support/processes.ts';

const folder = clonePath('examples', 'bookinfo');
const files = ['article', 'today'].flatMap((dialect) =>
  readdirSync(join(folder, dialect), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(dialect, file)),
);

function read(file: string) {
  return readResource(parse(readFileSync(join(folder, file), 'utf8').replaceAll('{{ IP }}', '192.0.2.7')));
}

describe('the resources of the Bookinfo example', () => {
  test('are there in both dialects', () => {
    expect(files.filter((file) => file.includes('dataplanes')).length).toBe(12);
  });

  test.each(files)('%s is valid', (file) => {
    expect(read(file).violations).toEqual([]);
  });

  test.each(files.filter((file) => file.startsWith('today')))('%s is applied without a warning', (file) => {
    expect(read(file).warnings).toEqual([]);
  });

  test.each(readdirSync(join(folder, 'today', 'dataplanes')))(
    '%s means the same in both dialects but for the protocol',
    (name) => {
      const [old, today] = ['article', 'today'].map(
        (dialect) => read(join(dialect, 'dataplanes', name)).spec?.spec,
      );
      const withoutProtocol = JSON.parse(
        JSON.stringify(today).replace('"kuma.io/protocol":"http",', ''),
      ) as object;
      const comparable = JSON.parse(JSON.stringify(old).replace('"app":"bookinfo",', '')) as object;
      expect(comparable).toEqual(withoutProtocol);
    },
  );
});
