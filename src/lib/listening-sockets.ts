import { closeSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { peekDirectory, peekLink } from './peek.ts';

/** A socket of this network namespace that takes connections or datagrams, as the kernel tells everybody. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  /** Hex digits in network order: 8 for an IPv4 socket, 32 for an IPv6 one, which may take IPv4 as well. */
  readonly address: string;
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
}

/** TCP_LISTEN; a datagram socket without a peer is in TCP_CLOSE. */
const STATES = { tcp: '0A', udp: '07' } as const;
const CHUNK = 65_536;

/**
 * Reads /proc/net, where several sockets may hold one port: SO_REUSEPORT shares it silently. Nothing where there is no
 * /proc. Of a protocol nobody asks for nothing is read: with many connections a table is long.
 */
export function readListeningSockets(protocols: Iterable<'tcp' | 'udp'>): readonly ListeningSocket[] {
  return [...protocols].flatMap((protocol) =>
    [protocol, `${protocol}6`].flatMap((table) => parseSocketTable(protocol, readTable(protocol, table))),
  );
}

/** One of the tables /proc/net/{tcp,tcp6,udp,udp6}; its first line and what is cut off at its end say nothing. */
export function parseSocketTable(protocol: 'tcp' | 'udp', table: string): readonly ListeningSocket[] {
  const sockets: ListeningSocket[] = [];
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [address = '', port = ''] = (fields[1] ?? '').split(':');
    const inode = fields[9];
    if (fields[3] !== STATES[protocol] || inode === undefined) continue;
    sockets.push({
      protocol,
      address: toNetworkOrder(address),
      port: Number.parseInt(port, 16),
      uid: Number(fields[7]),
      inode,
    });
  }
  return sockets;
}

/** Of sockets that these processes have open; undefined where this user may not look into one of them. */
export function readSocketInodes(pid: number): ReadonlySet<string> | undefined {
  const fds = peekDirectory(`/proc/${pid}/fd`);
  // A process of a program with capabilities of its own belongs to root in this respect. Nobody has no descriptor.
  if (fds.length === 0) return undefined;
  const inodes = new Set<string>();
  for (const fd of fds) {
    const inode = /^socket:\[(\d+)\]$/.exec(peekLink(`/proc/${pid}/fd/${fd}`))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

/**
 * Who has these sockets open, by inode; those of processes this user may not look into are missing. One walk through
 * /proc for all of them: on a busy host it takes a good part of a second.
 */
export function findSocketHolders(inodes: Iterable<string>): ReadonlyMap<string, number> {
  const wanted = new Set(inodes);
  const holders = new Map<string, number>();
  for (const name of peekDirectory('/proc')) {
    if (holders.size === wanted.size) break;
    if (!/^\d+$/.test(name)) continue;
    for (const inode of readSocketInodes(Number(name)) ?? [])
      if (wanted.has(inode) && !holders.has(inode)) holders.set(inode, Number(name));
  }
  return holders;
}

/**
 * The kernel writes TCP sockets that listen before all connections, of which there may be hundreds of thousands: reading
 * ends after a chunk without any that listens.
 */
function readTable(protocol: 'tcp' | 'udp', table: string): string {
  let fd: number;
  try {
    fd = openSync(`/proc/net/${table}`, 'r');
  } catch {
    return '';
  }
  try {
    const chunk = Buffer.alloc(CHUNK);
    let text = '';
    for (;;) {
      const part = chunk.toString('latin1', 0, readSync(fd, chunk, 0, CHUNK, null));
      text += part;
      if (part === '' || (protocol === 'tcp' && text.length > CHUNK && !LISTENING_LINE.test(part)))
        return text;
    }
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}

const LISTENING_LINE = /:[\dA-F]{4} 0A /;

/** The kernel writes words of four bytes in the order of the machine. */
function toNetworkOrder(address: string): string {
  const words = address.toLowerCase().match(/.{8}/g) ?? [];
  if (endianness() === 'BE') return words.join('');
  return words.map((word) => (word.match(/../g) ?? []).reverse().join('')).join('');
}
