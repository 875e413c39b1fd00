import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Where things are in the private directory of one proxy. */
export interface InstancePaths {
  readonly dir: string;
  /** A link to the admin socket of the Envoy that serves. */
  readonly adminSocket: string;
  /** What the hot restart id is, for whoever cleans up after a killed agent. */
  readonly hotRestart: string;
  /** Start of the names of the sockets between epochs; Envoy appends at most 24 characters. */
  readonly epochSockets: string;
  /** Readiness for local programs such as `kuma-dp wait`. */
  readonly agentSocket: string;
  /** Where Envoy gets its xDS from the agent. */
  readonly relaySocket: string;
  readonly agentPid: string;
  /** Of all Envoys that run. */
  readonly envoyPid: string;
  /** What the next agent needs to know of Envoys that outlive this one. */
  readonly kept: string;
}

export function instancePaths(runDir: string, mesh: string, name: string): InstancePaths {
  return pathsIn(join(runDir, instanceName(mesh, name)));
}

/** What an agent of several proxies has for itself; no proxy's directory begins with this sign. */
export function crewPaths(runDir: string, pid: number): InstancePaths {
  return pathsIn(join(runDir, `_crew.${pid}`));
}

function pathsIn(dir: string): InstancePaths {
  return {
    dir,
    adminSocket: join(dir, 'admin.sock'),
    hotRestart: join(dir, 'hot-restart.json'),
    epochSockets: join(dir, 'e'),
    agentSocket: join(dir, 'agent.sock'),
    relaySocket: join(dir, 'xds.sock'),
    agentPid: join(dir, 'agent.json'),
    envoyPid: join(dir, 'envoy.json'),
    kept: join(dir, 'kept.json'),
  };
}

/** Files of one epoch. At most three epochs live at a time: names may come again after ten. */
export function epochPaths(
  dir: string,
  epoch: number,
): { readonly bootstrap: string; readonly admin: string; readonly logPosition: string } {
  const slot = epoch % 10;
  return {
    bootstrap: join(dir, `bootstrap.${slot}.json`),
    admin: join(dir, `admin.${slot}.sock`),
    logPosition: join(dir, `log.${slot}.position`),
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
  const longest = Math.max(agentSocket.length, adminSocket.length + 2);
  if (longest < SOCKET_LIMIT) return undefined;
  return `${dir} is too long for unix sockets by ${longest - SOCKET_LIMIT + 1} characters; choose a shorter --run-dir`;
}

/** Envoy binds `<start>_udp_parent_<ten digits>`. */
const EPOCH_SOCKET_SUFFIX = 22;

export function fitsEpochSockets({ epochSockets }: InstancePaths): boolean {
  return epochSockets.length + EPOCH_SOCKET_SUFFIX < SOCKET_LIMIT;
}

/** `$XDG_RUNTIME_DIR/kuma-dp`, for root `/run/kuma-dp`, else a directory of the user below /tmp. */
export function defaultRunDir(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  if (uid === 0) return '/run/kuma-dp';
  const runtime = env.XDG_RUNTIME_DIR ?? '';
  return runtime.startsWith('/') ? join(runtime, 'kuma-dp') : `/tmp/kuma-dp-${uid}`;
}

/** Where the agents of this user are: what was given, or the variables that `kuma-dp run` takes, too. */
export function chooseRunDir(
  given: string,
  env: Readonly<Record<string, string | undefined>>,
  uid = process.getuid?.() ?? 0,
): string {
  const { KUMA_DATAPLANE_RUNTIME_WORK_DIR: work, KUMA_DATAPLANE_RUNTIME_CONFIG_DIR: config } = env;
  return given || work || config || defaultRunDir(env, uid);
}
