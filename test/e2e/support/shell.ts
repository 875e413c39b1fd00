import { delimiter, dirname, join } from 'node:path';
import {
  clonePath,
  envoyBinary,
  type Finished,
  type RunningProgram,
  runProgram,
  startProgram,
} from '../../support/processes.ts';

/**
 * A person's terminal on a machine of its own: an own HOME, the built programs and Envoy on PATH, and the network
 * namespace the e2e lane runs in. Commands are typed as they stand in an article.
 */
export interface Shell {
  /** Runs a command line to its end. */
  run(commandLine: string, env?: Record<string, string>): Promise<Finished>;
  /** The same, and throws with all output unless it exits 0; resolves to its stdout. */
  ok(commandLine: string, env?: Record<string, string>): Promise<string>;
  /** Starts a command line that goes on, as `&` would; `exec` makes the pid the program's own. */
  start(commandLine: string, env?: Record<string, string>): RunningProgram;
}

export function openShell({
  home,
  cwd,
  env = {},
}: {
  home: string;
  cwd: string;
  env?: Record<string, string>;
}): Shell {
  const base = {
    HOME: home,
    XDG_RUNTIME_DIR: undefined,
    STATE_DIRECTORY: join(home, 'state'),
    // Not the machine's own: agents of another run may be there.
    KUMA_DATAPLANE_RUNTIME_RUN_DIR: join(home, 'run'),
    PATH: [clonePath('dist', 'bin'), dirname(envoyBinary()), process.env.PATH ?? ''].join(delimiter),
    ...env,
  };
  const options = (extra: Record<string, string> = {}) => ({ cwd, env: { ...base, ...extra } });
  const shell: Shell = {
    run: (commandLine, extra) => runProgram('bash', ['-c', commandLine], options(extra)),
    start: (commandLine, extra) => startProgram('bash', ['-c', `exec ${commandLine}`], options(extra)),
    async ok(commandLine, extra) {
      const { code, stdout, stderr } = await shell.run(commandLine, extra);
      if (code !== 0) throw new Error(`${commandLine}\nexited ${code}\n${stdout}${stderr}`);
      return stdout;
    },
  };
  return shell;
}
