import { defineConfig } from 'vitest/config';

// Four lanes, one project each; `scripts/test.ts` runs them all and adds up their counts.
// e2e files start whole meshes: one file at a time, so that two cores are enough.
const lane = (name: string, testTimeout: number, extra: object = {}) => ({
  test: {
    ...{ name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout },
    // Only reached when the test fails: one second is less than a busy machine may stand still.
    expect: { poll: { timeout: testTimeout / 2 } },
    ...extra,
  },
});

export default defineConfig({
  test: {
    // Also on two cores, where one would be the default: most tests of whole parts wait.
    maxWorkers: 2,
    projects: [
      lane('unit', 20_000),
      lane('contract', 60_000),
      lane('integration', 60_000),
      lane('e2e', 180_000, { fileParallelism: false }),
    ],
  },
});
