import { describeError } from '../../lib/coded-error.ts';
import { afterPatience } from '../../lib/patience.ts';
import { type Check, type Diagnosis, error, ill } from './check.ts';
import type { Patient } from './patient.ts';

export type Outcome = 'ok' | 'warning' | 'error' | 'skipped';

export interface CheckReport extends Diagnosis {
  readonly check: string;
  readonly outcome: Outcome;
}

/** Runs all checks at once, each with a time limit of its own: one that hangs or fails is a finding, not the end. */
export function diagnose(
  checks: readonly Check[],
  patient: Patient,
  deadlineMs: number,
): Promise<readonly CheckReport[]> {
  return Promise.all(
    checks.map(async (check) => {
      const diagnosis = await runBounded(check, patient, deadlineMs);
      return { check: check.name, outcome: toOutcome(diagnosis), ...diagnosis };
    }),
  );
}

async function runBounded(check: Check, patient: Patient, deadlineMs: number): Promise<Diagnosis> {
  const cancel = new AbortController();
  let cancelLimit = (): void => {};
  const late = new Promise<Diagnosis>((resolve) => {
    cancelLimit = afterPatience(deadlineMs, () => {
      cancel.abort(new Error('the time of the check is over'));
      const seconds = deadlineMs / 1000;
      resolve(
        ill('no result', error(`the check "${check.name}" did not end within ${seconds} s`, MEND_LATE)),
      );
    });
  });
  try {
    return await Promise.race([check.run(patient, cancel.signal), late]);
  } catch (cause) {
    return ill('no result', error(`the check "${check.name}" failed: ${describeError(cause)}`, MEND_FAILED));
  } finally {
    cancelLimit();
  }
}

const MEND_LATE =
  'look for what hangs (a full disk, a dead file server, a firewall), or give more time with --timeout';
const MEND_FAILED = 'run it again; if it stays, report it with the output of "kuma-dp version --detailed"';

function toOutcome({ findings, skipped = false }: Diagnosis): Outcome {
  if (findings.some(({ severity }) => severity === 'error')) return 'error';
  if (findings.length > 0) return 'warning';
  return skipped ? 'skipped' : 'ok';
}
