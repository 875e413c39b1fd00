import { isPortFree } from '../../lib/free-port.ts';
import { askHolder, listClaims, tryClaim } from '../../lib/host-claim.ts';
import {
  findSocketHolders,
  type ListeningSocket,
  readListeningSockets,
  readSocketInodes,
} from '../../lib/listening-sockets.ts';
import type { Logger } from '../../lib/logger.ts';
import { peekDirectory } from '../../lib/peek.ts';
import { readCommandLine } from '../../lib/process-id.ts';
import { isBootstrapOf } from '../run-dir/kept.ts';
import { describeSocketOwner } from './owner.ts';
import { keyOf, meets, type Place, type Taken } from './place.ts';

/** The network namespace around a proxy: who claims and who listens. */
export interface Surroundings {
  /** Undefined when another agent has it; else how to let it go. */
  claim(place: Place): Promise<(() => void) | undefined>;
  /** Claims of all agents, this one's among them. */
  claims(): readonly (Pick<Place, 'protocol' | 'port' | 'address'> & { readonly key: string })[];
  /** Who claims it, for people. */
  askClaimant(key: string): Promise<string>;
  /** Which of these others listen on; not where an Envoy of this proxy does so already. */
  look(places: readonly Place[]): readonly Taken[];
  /** The same, and where /proc leaves it open whether a socket is in the way it is tried out. */
  probe(places: readonly Place[]): Promise<readonly Taken[]>;
  /** Which of these an Envoy of this proxy listens on. */
  open(places: readonly Place[]): readonly Place[];
}

export interface SurroundingsOptions {
  /** The private directory: its Envoys were started with a bootstrap file in it. */
  readonly dir: string;
  readonly mesh: string;
  readonly name: string;
  readonly logger: Logger;
}

const CLAIM = 'kuma-port/';
const ASK_MS = 250;

export function openSurroundings(options: SurroundingsOptions): Surroundings {
  const { dir, mesh, name, logger } = options;
  const introduction = JSON.stringify({ mesh, name, pid: process.pid });
  let told = false;
  return {
    async claim(place) {
      try {
        return (await tryClaim(`${CLAIM}${keyOf(place)}`, () => introduction))?.release;
      } catch (cause) {
        // Without claims two agents that start in the same instant may both pass; that must not keep this one from serving.
        if (!told) logger.warn({ cause: String(cause) }, 'ports cannot be claimed; they are only looked at');
        told = true;
        return () => {};
      }
    },
    claims: () => listClaims(CLAIM).flatMap((claim) => parseKey(claim.slice(CLAIM.length))),
    async askClaimant(key) {
      return describeClaimant(await askHolder(`${CLAIM}${key}`, ASK_MS));
    },
    look: (places) => toTaken(conflicts(places, dir, ['yes'])),
    async probe(places) {
      const found = conflicts(places, dir, ['yes', 'maybe']);
      const tried = found.map(async (one) =>
        one.certain || (one.place.protocol === 'tcp' && !(await isFree(one.place))) ? [one] : [],
      );
      return toTaken((await Promise.all(tried)).flat());
    },
    open(places) {
      if (places.length === 0) return [];
      const isOurs = ownSockets(dir);
      const sockets = socketsFor(places);
      return places.filter((place) => sockets.some((s) => meets(place, s) !== 'no' && isOurs(s)));
    },
  };
}

interface Conflict {
  readonly place: Place;
  readonly socket: ListeningSocket;
  readonly certain: boolean;
}

function conflicts(
  places: readonly Place[],
  dir: string,
  which: readonly ('yes' | 'no' | 'maybe')[],
): readonly Conflict[] {
  if (places.length === 0) return [];
  const byPort = new Map<number, ListeningSocket[]>();
  for (const socket of socketsFor(places))
    byPort.set(socket.port, [...(byPort.get(socket.port) ?? []), socket]);
  let isOurs: ((socket: ListeningSocket) => boolean) | undefined;
  return places.flatMap((place) => {
    const met = (byPort.get(place.port) ?? []).filter((socket) => which.includes(meets(place, socket)));
    if (met.length === 0) return [];
    isOurs ??= ownSockets(dir);
    // Taken away from an Envoy that serves, a port would be lost to its clients at once.
    if (met.some(isOurs)) return [];
    const certain = met.find((socket) => meets(place, socket) === 'yes');
    const socket = certain ?? met[0];
    return socket === undefined ? [] : [{ place, socket, certain: certain !== undefined }];
  });
}

function socketsFor(places: readonly Place[]): readonly ListeningSocket[] {
  return readListeningSockets(new Set(places.map(({ protocol }) => protocol)));
}

function toTaken(found: readonly Conflict[]): readonly Taken[] {
  if (found.length === 0) return [];
  const holders = findSocketHolders(found.map(({ socket }) => socket.inode));
  return found.map(({ place, socket }) => {
    const { text, byAgent } = describeSocketOwner(socket, holders.get(socket.inode));
    return { kind: 'taken', place, owner: text, byAgent };
  });
}

/** Also of an Envoy that an agent before this one left behind. One that cannot be looked into is given the benefit. */
function ownSockets(dir: string): (socket: ListeningSocket) => boolean {
  const inodes = new Set<string>();
  let blind = false;
  for (const name of peekDirectory('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    if (!readCommandLine(Number(name)).some((arg) => isBootstrapOf(dir, arg))) continue;
    const found = readSocketInodes(Number(name));
    if (found === undefined) blind = true;
    else for (const inode of found) inodes.add(inode);
  }
  const uid = process.getuid?.();
  return (socket) => inodes.has(socket.inode) || (blind && socket.uid === uid);
}

async function isFree({ port, host }: Place): Promise<boolean> {
  try {
    return await isPortFree(port, host);
  } catch {
    // No such address here, or a port only root may open: Envoy says so itself.
    return true;
  }
}

function parseKey(key: string): ReturnType<Surroundings['claims']> {
  const [protocol = '', port = '', address = ''] = key.split('/');
  if (protocol !== 'tcp' && protocol !== 'udp') return [];
  return [{ key, protocol, port: Number(port), address }];
}

/** Whoever has the name says this: it is told as it came, in printable characters. */
function describeClaimant(answer: string): string {
  try {
    const { mesh, name, pid } = JSON.parse(answer) as Record<string, unknown>;
    return `the proxy ${String(name)} (mesh ${String(mesh)}), whose agent is process ${String(pid)}`;
  } catch {
    return 'another agent, which does not say which';
  }
}
