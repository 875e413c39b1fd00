import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Where things are in the private directory of one proxy. */
export interface InstancePaths {
  readonly dir: string;
  readonly bootstrap: string;
  readonly adminSocket: string;
  /** Readiness for local programs such as `kuma-dp wait`. */
  readonly agentSocket: string;
  readonly agentPid: string;
  readonly envoyPid: string;
}

export function instancePaths(runDir: string, mesh: string, name: string): InstancePaths {
  const dir = join(runDir, instanceName(mesh, name));
  return {
    dir,
    bootstrap: join(dir, 'bootstrap.json'),
    adminSocket: join(dir, 'admin.sock'),
    agentSocket: join(dir, 'agent.sock'),
    agentPid: join(dir, 'agent.json'),
    envoyPid: join(dir, 'envoy.json'),
  };
}

const LONGEST_READABLE = 32;

/**
 * `<mesh>.<name>` where that is short and harmless; else its start and a digest. Socket paths end at 104 characters,
 * and the control plane may put its own sockets beside ours.
 */
export function instanceName(mesh: string, name: string): string {
  const plain = `${mesh}.${name}`;
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(plain) && plain.length <= LONGEST_READABLE && !mesh.includes('.'))
    return plain;
  const digest = createHash('sha256')
    .update(JSON.stringify([mesh, name]))
    .digest('hex')
    .slice(0, 12);
  return `${plain.replace(/[^A-Za-z0-9_-]/g, '-').slice(0, LONGEST_READABLE - 13)}~${digest}`;
}

/** Longest path a unix socket of the proxy may have, by the kernel with its closing zero. */
const SOCKET_LIMIT = 104;

/** What is wrong with the length of a run directory; undefined when nothing. */
export function describeTooLong({ agentSocket, adminSocket, dir }: InstancePaths): string | undefined {
  const longest = Math.max(agentSocket.length, adminSocket.length);
  if (longest < SOCKET_LIMIT) return undefined;
  return `${dir} is too long for unix sockets by ${longest - SOCKET_LIMIT + 1} characters; choose a shorter --run-dir`;
}

/** `$XDG_RUNTIME_DIR/kuma-dp`, for root `/run/kuma-dp`, else a directory of the user below /tmp. */
export function defaultRunDir(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/run/kuma-dp';
  const runtime = env.XDG_RUNTIME_DIR ?? '';
  return runtime.startsWith('/') ? join(runtime, 'kuma-dp') : `/tmp/kuma-dp-${uid}`;
}
