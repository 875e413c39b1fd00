import { describeError } from '../../../lib/coded-error.ts';
import { runCommand } from '../../../lib/command.ts';
import { locateEnvoy } from '../../envoy/locate.ts';
import { parseEnvoyVersion } from '../../envoy/version.ts';
import { envoyCacheDir, listCached } from '../../install/cache.ts';
import { type Check, type Diagnosis, error, type Finding, healthy, ill, warning } from '../check.ts';

const INSTALL = 'kuma-dp envoy install';
const TIMEOUT_MS = 8_000;

/** Whether there is an Envoy, whether it runs here, and whether it is one that is tested with. */
export const envoyCheck: Check = {
  name: 'envoy',
  async run({ binaryPath, env }, signal) {
    let path: string;
    try {
      path = locateEnvoy(binaryPath, env, { dir: envoyCacheDir(env), list: () => listCached(env) });
    } catch (cause) {
      const mend =
        binaryPath === '' ? INSTALL : `chmod +x ${binaryPath}, or leave --binary-path out: ${INSTALL}`;
      return ill('none', error(describeError(cause), mend));
    }
    const { ok, stdout, stderr, problem } = await runCommand(path, ['--version'], {
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    return ok ? judge(path, `${stdout}\n${stderr}`) : ill(path, explain(path, stderr, problem));
  },
};

function judge(path: string, output: string): Diagnosis {
  const { version, build, supported } = parseEnvoyVersion(output);
  if (build === '')
    return ill(
      path,
      error(`${path} is no Envoy: it prints no version`, `point --binary-path to an Envoy, or: ${INSTALL}`),
    );
  const seen = `Envoy ${version || build}, ${path}`;
  if (supported) return healthy(seen);
  return ill(
    seen,
    warning(
      `Envoy ${version || build} is not one of the versions tested with (1.36 to 1.40)`,
      `${INSTALL}, then "kuma-dp restart": nothing is dropped`,
    ),
  );
}

/** The loader speaks on standard error when a library is missing or too old; without a loader there is not even that. */
function explain(path: string, stderr: string, problem: string): Finding {
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  if (/GLIBC_[\d.]+' not found/.test(stderr))
    return error(
      `${path} was built for a newer system: ${said}`,
      `${INSTALL} (runs with glibc 2.28 and newer), or take a newer distribution`,
    );
  if (problem === 'no such file')
    return error(
      `${path} is there but its interpreter or loader is not: it was built for another system (musl and glibc are two), or another processor`,
      `file ${path}; then ${INSTALL}`,
    );
  if (/cannot open shared object file/.test(stderr))
    return error(
      `${path} misses a library: ${said}`,
      `ldd ${path}; install what is "not found", or: ${INSTALL}`,
    );
  return error(
    `${path} does not run: ${problem}${said === '' ? '' : `: ${said}`}`,
    `${path} --version; or: ${INSTALL}`,
  );
}
