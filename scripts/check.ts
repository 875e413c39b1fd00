// The quick check before every commit: types, style, direction of imports, unit tests.
import { IMPORTS, LINT, runSteps, TYPES, UNIT } from './lib/steps.ts';

const { failed } = await runSteps([TYPES, LINT, IMPORTS, UNIT]);
process.exitCode = failed > 0 ? 1 : 0;
