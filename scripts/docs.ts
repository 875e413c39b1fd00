// Writes the pages under docs that are printed from the code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configurationPage } from './lib/reference-docs.ts';

const docs = join(import.meta.dirname, '..', 'docs');
writeFileSync(join(docs, 'configuration.md'), configurationPage());
