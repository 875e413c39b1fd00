import { spawn } from 'node:child_process';

/** A process that kills an Envoy, with all of its process group, when the agent dies. */
export interface Guard {
  /** The group to kill, told once. */
  watch(group: number): void;
  /** That group is gone: nobody must be killed any more. Resolves once the guard itself is reaped; never rejects. */
  release(): Promise<void>;
}

/**
 * Envoy asks the kernel for SIGTERM at the death of its parent as soon as hot restart is on, whatever it was started with. One
 * that waits for the other epoch, which died in the same moment, or that hangs never acts on it. This one acts for it.
 * Begun before Envoy is, so that there is no moment without.
 */
export function startGuard(): Guard {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'kuma-dp-guard'], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  const { stdin } = child;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    // Without it, or without a shell, Envoy still has its own way to notice.
    child.on('error', () => resolve());
  });
  stdin.on('error', ignore);
  return {
    watch: (group) => void stdin.write(`${group}\n`),
    release() {
      child.kill('SIGKILL');
      return gone;
    },
  };
}

/** The end of the pipe is the end of the agent. A service manager that ends all of a unit at once must not end it first. */
const SCRIPT =
  'trap "" TERM INT HUP; read -r group || exit 0; while read -r _; do :; done; kill -KILL "-$group"';

function ignore(): void {}
