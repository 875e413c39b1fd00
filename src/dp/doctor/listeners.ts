import { peekDirectory, peekLink, peekText } from '../../lib/peek.ts';
import { describeCommand } from '../../lib/process-id.ts';

/** A TCP socket of this host that listens. */
export interface Listener {
  /** `127.0.0.1`; '*' for all addresses, IPv6 ones that are no wildcard as the kernel writes them. */
  readonly address: string;
  readonly port: number;
  /** undefined where the process is another user's. */
  readonly holder: { readonly pid: number; readonly command: string } | undefined;
}

/** All that listen, read from /proc. Several processes may listen on one address: SO_REUSEPORT shares it silently. */
export function readListeners(): readonly Listener[] {
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap(readTable);
  const holders = findHolders(new Set(sockets.map(({ inode }) => inode)));
  return sockets.map(({ address, port, inode }) => ({ address, port, holder: holders.get(inode) }));
}

/** Whether a socket on `address` would meet this one. */
export function isOn(listener: Listener, address: string, port: number): boolean {
  return (
    listener.port === port &&
    (listener.address === '*' || address === '0.0.0.0' || address === '::' || listener.address === address)
  );
}

export function describeListener({ holder }: Listener): string {
  return holder === undefined
    ? 'a process of another user (run the doctor as root to see which)'
    : `process ${holder.pid} (${holder.command})`;
}

interface Socket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

function readTable(table: string): readonly Socket[] {
  return peekText(table)
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [hexAddress = '', hexPort = ''] = (fields[1] ?? '').split(':');
      // 0A is TCP_LISTEN.
      if (fields[3] !== '0A') return [];
      return [{ address: toAddress(hexAddress), port: Number.parseInt(hexPort, 16), inode: fields[9] ?? '' }];
    });
}

/** Four bytes in the order of the machine, which is the reverse of the network's on all that Envoy runs on. */
function toAddress(hex: string): string {
  if (/^0+$/.test(hex)) return '*';
  if (hex.length !== 8) return hex;
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

function findHolders(
  inodes: ReadonlySet<string>,
): ReadonlyMap<string, { readonly pid: number; readonly command: string }> {
  const found = new Map<string, { pid: number; command: string }>();
  for (const pid of peekDirectory('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of peekDirectory(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(peekLink(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined && inodes.has(inode) && !found.has(inode))
        found.set(inode, { pid: Number(pid), command: describeCommand(Number(pid)) });
    }
  }
  return found;
}
