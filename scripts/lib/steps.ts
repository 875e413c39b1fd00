import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { failuresOfLane } from './failures.ts';
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
  /** Run in so many parts at the same time, where each can have a network of its own. */
  readonly parts?: number;
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
const OWN_NETWORK = './scripts/in-own-network';

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
  { ...lane('e2e', 20, OWN_NETWORK), parts: 2 },
];

interface Outcome {
  readonly tally: Tally;
  /** What failed and why, an entry each. */
  readonly failures: readonly string[];
}

/**
 * Runs one after the other (the machine may be small), prints what came of each, then once more what failed, and ends
 * with the sum.
 */
export async function runSteps(steps: readonly Step[]): Promise<Tally> {
  const results: [Step, Outcome][] = [];
  for (const step of steps) {
    console.log(`\n== ${step.name}: ${step.command.join(' ')}`);
    results.push([step, await runStep(step)]);
  }
  const failures = results.flatMap(([step, { tally, failures }]) =>
    tally.failed > 0 && failures.length === 0 ? [`${step.name}: its output above says why`] : failures,
  );
  if (failures.length > 0) console.log(`\n== failures\n${failures.join('\n')}`);
  console.log('\n== summary');
  for (const [step, { tally }] of results)
    console.log(`${tally.failed > 0 ? 'FAILED' : 'ok    '} ${step.name}: ${formatTally(tally)}`);
  const sum = results.map(([, { tally }]) => tally).reduce(addTallies, NOTHING);
  console.log(formatTally(sum));
  return sum;
}

/** The parts of a step at the same time: tests of whole programs mostly wait. What the later ones print comes at the end. */
async function runStep(step: Step): Promise<Outcome> {
  const { parts = 1 } = step;
  if (parts === 1 || !(await networksArePossible())) return runPart(step, [], 'inherit');
  const numbers = Array.from({ length: parts }, (_, i) => i + 1);
  const outcomes = await Promise.all(
    numbers.map((n) => runPart(step, [`--shard=${n}/${parts}`], n === 1 ? 'inherit' : 'pipe')),
  );
  return {
    tally: outcomes.map(({ tally }) => tally).reduce(addTallies, NOTHING),
    failures: outcomes.flatMap(({ failures }) => failures),
  };
}

async function networksArePossible(): Promise<boolean> {
  return (await execa(OWN_NETWORK, ['--possible'], { cwd: root, reject: false })).exitCode === 0;
}

async function runPart(step: Step, more: readonly string[], output: 'inherit' | 'pipe'): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'kuma-test-'));
  const reportFile = join(folder, 'report.json');
  const [program, ...args] = step.command;
  const reporters = step.lane
    ? ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
    : [];
  try {
    const { failed, timedOut, all } = await execa(program, [...args, ...more, ...reporters], {
      cwd: root,
      preferLocal: true,
      reject: false,
      stdio: ['ignore', output, output],
      all: true,
      timeout: step.deadlineMinutes * 60_000,
      forceKillAfterDelay: 10_000,
    });
    if (output === 'pipe') console.log(all);
    if (timedOut)
      console.error(`${step.name} was stopped: it did not end within ${step.deadlineMinutes} minutes`);
    const report = existsSync(reportFile) ? readFileSync(reportFile, 'utf8') : undefined;
    return {
      tally: step.lane ? tallyOfLane(report, !failed) : { ...NOTHING, [failed ? 'failed' : 'passed']: 1 },
      failures: failuresOfLane(report, root),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
