import type { Patient } from './patient.ts';

/**
 * One thing the doctor looks at. A check changes nothing, waits for nothing longer than its signal allows, and says
 * nothing that is secret. The table of all checks is checks.ts.
 */
export interface Check {
  /** Its name in the output, in words with hyphens. */
  readonly name: string;
  run(patient: Patient, signal: AbortSignal): Promise<Diagnosis>;
}

export interface Finding {
  /** An error keeps a proxy from serving or from starting; a warning will do so one day, or makes it worse than it could be. */
  readonly severity: 'error' | 'warning';
  /** What is wrong, with the values and what follows from it. */
  readonly what: string;
  /** The command that mends it, or what to do. */
  readonly mend: string;
}

export interface Diagnosis {
  /** What was looked at, for people; why nothing was, where `skipped`. */
  readonly seen: string;
  readonly skipped?: boolean;
  readonly findings: readonly Finding[];
}

export function healthy(seen: string): Diagnosis {
  return { seen, findings: [] };
}

export function skipped(why: string): Diagnosis {
  return { seen: why, skipped: true, findings: [] };
}

export function ill(seen: string, ...findings: readonly Finding[]): Diagnosis {
  return { seen, findings };
}

export function error(what: string, mend: string): Finding {
  return { severity: 'error', what, mend };
}

export function warning(what: string, mend: string): Finding {
  return { severity: 'warning', what, mend };
}

/** What is no harm as long as something else is well. */
export function soften(finding: Finding): Finding {
  return { ...finding, severity: 'warning' };
}
