import type { Diagnosis } from '../../../../src/dp/doctor/check.ts';
import { examine, type Patient, type PatientSources } from '../../../../src/dp/doctor/patient.ts';

/** What the doctor would look at with these settings. */
export function aPatient(sources: Partial<PatientSources>): Promise<Patient> {
  return examine({
    ...{ flags: {}, ignoredFlags: {}, env: {}, configFile: '', defaultRunDir: '', defaultStateDir: '' },
    readText: () => Promise.reject(new Error('no such file')),
    limits: { memory: undefined, cpus: { allowed: 1, cores: 1, quota: undefined }, files: undefined },
    ...{ now: Date.now, patienceMs: 10_000 },
    ...sources,
  });
}

/** The findings as text, one a line. */
export function textOf({ findings }: Diagnosis): string {
  return findings.map(({ severity, what, mend }) => `${severity}: ${what}; ${mend}`).join('\n');
}
