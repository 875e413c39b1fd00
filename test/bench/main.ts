import { readdir } from 'node:fs/promises';
import type { Measurement, Row } from './row.ts';

/**
 * `npm run bench [-- NAME…]`: runs the rows whose name contains one of the arguments, all of them without any, and
 * prints one line per measurement: name, value, budget, ok or MISS. Ratios count more than numbers: machines differ.
 */
const ROWS = new URL('./rows/', import.meta.url);

async function main(wanted: readonly string[]): Promise<number> {
  let missed = 0;
  for (const file of (await readdir(ROWS)).filter((name) => name.endsWith('.ts')).sort()) {
    const { row } = (await import(new URL(file, ROWS).href)) as { row: Row };
    if (wanted.length > 0 && !wanted.some((part) => row.name.includes(part))) continue;
    for (const measurement of await row.run()) {
      if (!isOk(measurement)) missed += 1;
      process.stdout.write(`${describe(measurement)}\n`);
    }
  }
  return missed === 0 ? 0 : 1;
}

function isOk({ value, budget }: Measurement): boolean {
  return budget === undefined || value <= budget;
}

function describe(measurement: Measurement): string {
  const { name, value, unit, budget } = measurement;
  const verdict = budget === undefined ? '' : isOk(measurement) ? 'ok' : 'MISS';
  const limit = budget === undefined ? '' : `${round(budget)} ${unit}`;
  return `${name.padEnd(56)}  ${`${round(value)} ${unit}`.padStart(12)}  ${limit.padStart(12)}  ${verdict}`.trimEnd();
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3);
}

process.exitCode = await main(process.argv.slice(2));
