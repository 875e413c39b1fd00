import { lstatSync, mkdtempSync, rmdirSync, type Stats, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeError } from '../../../lib/coded-error.ts';
import { describeTooLong, instancePaths } from '../../run-dir/paths.ts';
import { type Check, error, type Finding, healthy, ill, soften, warning } from '../check.ts';
import type { Patient } from '../patient.ts';

/** Below this a bootstrap and the known good state of a proxy may not fit any more. */
const LEAST_FREE_BYTES = 16 * 1024 * 1024;

/** Whether run and state directory can be made or written, are safe, short enough and not full. */
export const directoriesCheck: Check = {
  name: 'directories',
  run: (patient) => {
    const { runDir, stateDir } = patient;
    const findings = [
      ...judge(runDir, '--run-dir', 'no proxy can start'),
      ...judgeLength(patient),
      ...(stateDir === ''
        ? [
            warning(
              'there is no place for state: no state directory is set, and HOME is not either',
              '--state-dir DIR, or StateDirectory=kuma-dp in the unit',
            ),
          ]
        : // Without state a proxy still runs.
          judge(stateDir, '--state-dir', 'this host cannot start without the control plane').map(soften)),
    ];
    const seen = `${runDir}, ${stateDir === '' ? 'no state' : stateDir}`;
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};

function judge(dir: string, flag: string, consequence: string): readonly Finding[] {
  const uid = process.getuid?.() ?? 0;
  const stat = statOf(dir);
  const mend = `install -d -m 0700 -o ${uid} ${dir}, or another ${flag}`;
  if (stat !== undefined && !stat.isDirectory())
    return [error(`${dir} is no directory; ${consequence}`, mend)];
  if (stat !== undefined && stat.uid !== 0 && stat.uid !== uid)
    return [error(`${dir} belongs to user ${stat.uid}, this is user ${uid}; ${consequence}`, mend)];
  if (stat !== undefined && (stat.mode & 0o022) !== 0 && (stat.mode & 0o1000) === 0) {
    const mode = (stat.mode & 0o777).toString(8);
    return [
      error(
        `${dir} can be written by others (mode ${mode}) and is refused; ${consequence}`,
        `chmod go-w ${dir}`,
      ),
    ];
  }
  const place = nearest(dir);
  try {
    rmdirSync(mkdtempSync(join(place, '.kuma-dp-doctor-')));
  } catch (cause) {
    return [
      error(
        `${dir} cannot be ${place === dir ? 'written' : 'made'}: ${describeError(cause)}; ${consequence}`,
        mend,
      ),
    ];
  }
  return judgeSpace(place);
}

function judgeSpace(dir: string): readonly Finding[] {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  if (free >= LEAST_FREE_BYTES) return [];
  const mib = Math.floor(free / 1024 / 1024);
  return [error(`only ${mib} MiB are free where ${dir} is`, `df -h ${dir}; make room`)];
}

function judgeLength({ proxies, runDir }: Patient): readonly Finding[] {
  return proxies.flatMap(({ proxy }) => {
    const tooLong = describeTooLong(instancePaths(runDir, proxy.mesh, proxy.name));
    return tooLong === undefined ? [] : error(tooLong, '--run-dir /run/kuma-dp, or another short one');
  });
}

/** The directory itself or the first above it that exists. */
function nearest(dir: string): string {
  for (let at = dir; ; at = dirname(at)) if (statOf(at) !== undefined || at === dirname(at)) return at;
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
