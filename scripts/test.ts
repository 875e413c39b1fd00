// Runs all checks and test lanes, or those named, and ends with one line that counts them.
import { ALL_STEPS, runSteps } from './lib/steps.ts';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !ALL_STEPS.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(
    `test: no step named ${unknown.join(', ')}; there are ${ALL_STEPS.map((step) => step.name).join(', ')}`,
  );
  process.exit(2);
}
const { failed } = await runSteps(
  names.length === 0 ? ALL_STEPS : ALL_STEPS.filter((step) => names.includes(step.name)),
);
process.exitCode = failed > 0 ? 1 : 0;
