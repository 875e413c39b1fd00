import { accessSync, constants } from 'node:fs';
import { runCommand } from '../../lib/command.ts';
import { findOnPath } from './locate.ts';

/**
 * How Envoy is tied to the agent. Unless it is to be kept it dies with the agent even when that is killed outright: an
 * orphan that nobody knows of would share its ports with the next Envoy without any error.
 */
export type Launcher =
  /** util-linux: Envoy itself asks the kernel for SIGKILL at the death of its parent. Same pid, real exit code. */
  | { readonly kind: 'setpriv'; readonly setpriv: string }
  /** A shell that holds a pipe to the agent and kills Envoy when it breaks. One more process. */
  | { readonly kind: 'wrapper' }
  /** It is no child of the agent, so nothing that happens to the agent ends it. */
  | { readonly kind: 'double-fork' };

type Env = Readonly<Record<string, string | undefined>>;

/** The kernel forgets the death signal when it runs a file with capabilities: those need the wrapper. */
export async function chooseLauncher(binary: string, env: Env, signal: AbortSignal): Promise<Launcher> {
  const setpriv = process.platform === 'linux' ? find('setpriv', env) : undefined;
  if (setpriv === undefined || (await mayHaveCapabilities(binary, env, signal))) return { kind: 'wrapper' };
  return { kind: 'setpriv', setpriv };
}

/** Without getcap one cannot know; for root a file's capabilities add nothing and the signal stays. */
async function mayHaveCapabilities(binary: string, env: Env, signal: AbortSignal): Promise<boolean> {
  const getcap = find('getcap', env);
  if (getcap === undefined) return process.getuid?.() !== 0;
  const { ok, stdout } = await runCommand(getcap, [binary], { timeoutMs: 5_000, signal });
  return !ok || stdout.trim() !== '';
}

/** The command that starts `binary` under the launcher; `agentPid` is the process it must not outlive. */
export function launchCommand(
  launcher: Exclude<Launcher, { kind: 'double-fork' }>,
  command: readonly string[],
  agentPid: number,
): readonly string[] {
  return launcher.kind === 'setpriv'
    ? [
        launcher.setpriv,
        '--pdeathsig',
        'KILL',
        '--',
        '/bin/sh',
        '-c',
        STILL_OURS,
        'sh',
        String(agentPid),
        ...command,
      ]
    : ['/bin/sh', '-c', WRAPPER, 'sh', ...command];
}

/** An agent that died before the signal was asked for is noticed here: the shell's parent is then another process. */
const STILL_OURS = '[ "$PPID" = "$1" ] || exit 143; shift; exec "$@"';

/**
 * Descriptor 3 is the pipe to the agent. The watcher reads it until it breaks. `wait` returns early when a trapped
 * signal comes, hence the loop.
 */
const WRAPPER = [
  'exec 3<&0 0</dev/null',
  '"$@" 3<&- & envoy=$!',
  '( trap "" TERM INT; while read -r _; do :; done <&3; kill -KILL "$envoy" ) >/dev/null 2>&1 & watcher=$!',
  'exec 3<&-',
  'trap \'kill -TERM "$envoy" 2>/dev/null\' TERM INT',
  'wait "$envoy"; code=$?',
  'while kill -0 "$envoy" 2>/dev/null; do wait "$envoy"; code=$?; done',
  'kill -KILL "$watcher" 2>/dev/null',
  'exit "$code"',
].join('\n');

const SYSTEM_DIRS = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/** System directories are searched too: a service's PATH often leaves out sbin. */
function find(name: string, env: Env): string | undefined {
  return findOnPath(name, env) ?? SYSTEM_DIRS.map((dir) => `${dir}/${name}`).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
