import { readdir } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { stopAll } from '../support/processes.ts';
import type { Measurement, Row } from './row.ts';
import { removeHomes } from './support/control-plane.ts';

/**
 * `npm run bench [-- [--full] NAME…]`: runs the rows whose name contains one of the arguments; without any, all but the
 * long ones, with `--full` those too. One line per measurement: name, value, budget, ok or MISS. The programs are those
 * in `dist` (`npm run build`). Ratios count more than numbers: machines differ.
 */
const ROWS = new URL('./rows/', import.meta.url);

/** Whoever ends the benchmark ends all it started: a thousand simulated proxies leave a large control plane behind. */
function endOnSignal(): void {
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.once(signal, () => {
      void stopAll().finally(() => {
        removeHomes();
        process.exit(128 + number);
      });
    });
  }
}

async function main(args: readonly string[]): Promise<number> {
  const wanted = args.filter((arg) => !arg.startsWith('--'));
  const selected = (row: Row) =>
    wanted.length > 0 ? wanted.some((part) => row.name.includes(part)) : args.includes('--full') || !row.long;
  const unknown = args.find((arg) => arg.startsWith('--') && arg !== '--full');
  if (unknown !== undefined) {
    process.stderr.write(
      'usage: npm run bench [-- [--full] NAME…]; docs/performance.md tells what is measured\n',
    );
    return 2;
  }
  let missed = 0;
  for (const file of (await readdir(ROWS)).filter((name) => name.endsWith('.ts')).sort()) {
    const { row } = (await import(new URL(file, ROWS).href)) as { row: Row };
    if (!selected(row)) continue;
    // Times mean little on a machine that has other things to do: whoever reads them has to see it.
    process.stdout.write(
      `# ${row.name}: load average before ${round(loadavg()[0] ?? 0)}, ${cpus().length} cores\n`,
    );
    try {
      for (const measurement of await row.run()) {
        if (!isOk(measurement)) missed += 1;
        process.stdout.write(`${describe(measurement)}\n`);
      }
    } finally {
      await stopAll();
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
  return `${name.padEnd(68)}  ${`${round(value)} ${unit}`.padStart(12)}  ${limit.padStart(12)}  ${verdict}`.trimEnd();
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3);
}

endOnSignal();
process.exitCode = await main(process.argv.slice(2));
