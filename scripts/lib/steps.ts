import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { addTallies, formatTally, NOTHING, type Tally, tallyOfLane } from './tally.ts';

export const root = dirname(dirname(import.meta.dirname));

export interface Step {
  readonly name: string;
  /** What is run, from the root of the clone; programs of node_modules are found by name. */
  readonly command: readonly [string, ...string[]];
  /** A lane's tests are counted one by one, a check counts as one. */
  readonly lane: boolean;
  /** Far above what it takes: a step that hangs fails instead of holding everything up. */
  readonly deadlineMinutes: number;
}

const laneArguments = (name: string) => ['run', '--project', name, '--passWithNoTests'];

const check = (name: string, ...command: [string, ...string[]]): Step => ({
  name,
  command,
  lane: false,
  deadlineMinutes: 10,
});

const lane = (name: string, deadlineMinutes: number, wrapper?: string): Step => ({
  name,
  command:
    wrapper === undefined ? ['vitest', ...laneArguments(name)] : [wrapper, 'vitest', ...laneArguments(name)],
  lane: true,
  deadlineMinutes,
});

export const TYPES = check('types', 'tsc', '--noEmit');
export const LINT = check('lint', 'biome', 'check', '--error-on-warnings', '.');
export const IMPORTS = check(
  'imports',
  'depcruise',
  '--config',
  '.dependency-cruiser.cjs',
  'src',
  'examples',
  'scripts',
  'test',
);
export const UNIT = lane('unit', 10);
export const ALL_STEPS = [
  TYPES,
  LINT,
  IMPORTS,
  UNIT,
  lane('contract', 10),
  lane('integration', 10),
  // Tests of a change of versions need a second Envoy, and the lane below has no way out to fetch it.
  check('older-envoy', 'env', 'KUMA_DP_CACHE=.cache', 'dist/bin/kuma-dp', 'envoy', 'install', '1.39.3'),
  lane('e2e', 20, './scripts/in-own-network'),
];

/** Runs one after the other (the machine may be small), prints what came of each, and ends with the sum. */
export async function runSteps(steps: readonly Step[]): Promise<Tally> {
  const results: [Step, Tally][] = [];
  for (const step of steps) {
    console.log(`\n== ${step.name}: ${step.command.join(' ')}`);
    results.push([step, await runStep(step)]);
  }
  console.log('\n== summary');
  for (const [step, tally] of results)
    console.log(`${tally.failed > 0 ? 'FAILED' : 'ok    '} ${step.name}: ${formatTally(tally)}`);
  const sum = results.map(([, tally]) => tally).reduce(addTallies, NOTHING);
  console.log(formatTally(sum));
  return sum;
}

async function runStep(step: Step): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'kuma-test-'));
  const reportFile = join(folder, 'report.json');
  const [program, ...args] = step.command;
  const reporters = step.lane
    ? ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
    : [];
  try {
    const { failed, timedOut } = await execa(program, [...args, ...reporters], {
      cwd: root,
      preferLocal: true,
      reject: false,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: step.deadlineMinutes * 60_000,
      forceKillAfterDelay: 10_000,
    });
    if (timedOut)
      console.error(`${step.name} was stopped: it did not end within ${step.deadlineMinutes} minutes`);
    const report = existsSync(reportFile) ? readFileSync(reportFile, 'utf8') : undefined;
    return step.lane ? tallyOfLane(report, !failed) : { ...NOTHING, [failed ? 'failed' : 'passed']: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
