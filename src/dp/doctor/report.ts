import { DOCTOR_EXIT_CODES } from '../exit-codes.ts';
import type { Finding } from './check.ts';
import type { CheckReport } from './diagnose.ts';

/** The report as lines for people: a line for each check, below it what is wrong and how to mend it. */
export function toLines(reports: readonly CheckReport[]): readonly string[] {
  const width = Math.max(...reports.map(({ check }) => check.length));
  const indent = ' '.repeat(9);
  return [
    ...reports.flatMap(({ check, outcome, seen, findings }) => [
      `${outcome.padEnd(7)}  ${check.padEnd(width)}  ${seen}`,
      ...findings.flatMap(({ severity, what, mend }) => [
        `${indent}${severity}: ${what}`,
        `${indent}mend: ${mend}`,
      ]),
    ]),
    '',
    summarize(reports),
  ];
}

/** For programs; keys are stable. */
export function toJson(reports: readonly CheckReport[]): string {
  const { errors, warnings } = count(reports);
  return JSON.stringify({ errors, warnings, checks: reports }, undefined, 2);
}

export function toExitCode(reports: readonly CheckReport[]): number {
  const { errors, warnings } = count(reports);
  if (errors > 0) return DOCTOR_EXIT_CODES.errors;
  return warnings > 0 ? DOCTOR_EXIT_CODES.warnings : DOCTOR_EXIT_CODES.fine;
}

function summarize(reports: readonly CheckReport[]): string {
  const { errors, warnings } = count(reports);
  if (errors + warnings === 0) return 'nothing is wrong';
  return [
    ...(errors > 0 ? [errors === 1 ? '1 error' : `${errors} errors`] : []),
    ...(warnings > 0 ? [warnings === 1 ? '1 warning' : `${warnings} warnings`] : []),
  ].join(', ');
}

function count(reports: readonly CheckReport[]): { readonly errors: number; readonly warnings: number } {
  const findings = reports.flatMap((report): readonly Finding[] => report.findings);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: findings.length - errors };
}
