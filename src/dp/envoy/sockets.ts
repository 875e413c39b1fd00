import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { peekText } from '../../lib/peek.ts';

/**
 * Connections as the kernel sees them, for an Envoy whose admin interface is gone: the parent of a hot restart, and one
 * whose failed child took it along.
 */
export interface TcpSocket {
  readonly localPort: number;
  readonly listening: boolean;
  readonly inode: string;
}

/** Rows of /proc/PID/net/tcp: established (01) and listening (0A) sockets. */
export function parseTcpTable(text: string): readonly TcpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [, local = '', , state, , , , , , inode = ''] = fields;
      if (state !== '01' && state !== '0A') return [];
      return [
        { localPort: Number.parseInt(local.split(':').at(-1) ?? '', 16), listening: state === '0A', inode },
      ];
    });
}

/**
 * Connections that a process group accepted on a port that somebody listens on, or did: the wrapper's pid is not Envoy's,
 * and either may be gone. Connections it opened itself are not counted. 0 when nobody of the group is left. Ports that are
 * found join `ports`: while nobody serves there is none who listens, and the connections are there all the same.
 */
export function countAccepted(pid: number, ports = new Set<number>()): number {
  const group = listGroup(pid);
  const [member] = group;
  if (member === undefined) return 0;
  const table = readTable(member);
  for (const { listening, localPort } of table) if (listening) ports.add(localPort);
  const own = new Set(group.flatMap(socketInodes));
  return table.filter((s) => !s.listening && ports.has(s.localPort) && own.has(s.inode)).length;
}

/** Whether a process, or its group, listens on any TCP port: a parent that was taken over from does not. */
export function isListening(pid: number): boolean {
  const table = readTable(pid);
  const own = new Set(listGroup(pid).flatMap(socketInodes));
  return table.some((s) => s.listening && own.has(s.inode));
}

/** All that anybody listens on, as far as this process sees. */
export function listListening(pid: number): Set<number> {
  return new Set(readTable(pid).flatMap(({ listening, localPort }) => (listening ? [localPort] : [])));
}

function readTable(pid: number): readonly TcpSocket[] {
  return ['tcp', 'tcp6'].flatMap((name) => parseTcpTable(peekText(`/proc/${pid}/net/${name}`)));
}

export interface QuietOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** What was listened on before, where nobody may listen any more. */
  readonly ports?: ReadonlySet<number>;
}

const POLL_MS = 250;

/** Resolves once a process has no accepted connection at two looks in a row, or when time is over or the signal comes. */
export async function untilQuiet(pid: number, options: QuietOptions): Promise<void> {
  const { clock, timeoutMs, signal } = options;
  const ports = new Set([...(options.ports ?? []), ...listListening(pid)]);
  const deadline = clock.monotonic() + timeoutMs;
  for (let quiet = 0; quiet < 2 && clock.monotonic() < deadline && signal?.aborted !== true; ) {
    await delay(POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    quiet = isQuiet(pid, ports) ? quiet + 1 : 0;
  }
}

/** Not known is not quiet: an agent may be short of file descriptors, and is none the worse for waiting. */
function isQuiet(pid: number, ports: Set<number>): boolean {
  try {
    return countAccepted(pid, ports) === 0;
  } catch {
    return false;
  }
}

function listGroup(pid: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    // A kept Envoy leads no group.
    if (Number(name) === pid) return [pid];
    const stat = peekText(`/proc/${name}/stat`);
    const group = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2];
    return Number(group) === pid ? [Number(name)] : [];
  });
}

function socketInodes(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
