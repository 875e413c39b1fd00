import { findSocketHolders, readListeningSockets } from '../../lib/listening-sockets.ts';
import { describeSocketOwner } from './owner.ts';
import { meets, type Place, toPlace } from './place.ts';

/** Who has a socket that listens. */
export interface Holder {
  /** undefined where the process is another user's. */
  readonly pid: number | undefined;
  /** For people: `process 4711 (node server.js)`. */
  readonly text: string;
  /** False for a socket of all IPv6 addresses that takes IPv4, too, or does not: the kernel does not tell. */
  readonly certain: boolean;
}

/** Who listens at each of these places, read from /proc: several may, since SO_REUSEPORT shares a port silently. */
export function findHolders(places: readonly Place[]): ReadonlyMap<Place, readonly Holder[]> {
  const sockets = readListeningSockets(new Set(places.map(({ protocol }) => protocol)));
  const found = places.map(
    (place) => [place, sockets.filter((socket) => meets(place, socket) !== 'no')] as const,
  );
  const pids = findSocketHolders(found.flatMap(([, met]) => met.map(({ inode }) => inode)));
  return new Map(
    found.map(([place, met]) => [
      place,
      met.map((socket) => {
        const pid = pids.get(socket.inode);
        return {
          pid,
          text: describeSocketOwner(socket, pid).text,
          certain: meets(place, socket) === 'yes',
        };
      }),
    ]),
  );
}

/** The first who listens on a TCP port of this address, for people; undefined when /proc shows nobody. */
export function describePortHolder(address: string, port: number): string | undefined {
  const place = toPlace({ protocol: 'tcp', address, port, dual: true });
  return place === undefined ? undefined : findHolders([place]).get(place)?.[0]?.text;
}
