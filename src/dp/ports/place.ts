import { toHexAddress } from '../../lib/ip-address.ts';
import type { ListeningSocket } from '../../lib/listening-sockets.ts';

/** Where a listener of Envoy opens a socket. */
export interface Place {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** Hex digits in network order, as of sockets; ANY for all addresses of both families. */
  readonly address: string;
  /** The address as it was written. */
  readonly host: string;
  /** For people: `tcp 127.0.0.1:8080`. */
  readonly text: string;
}

/** A place that somebody else has. */
export interface Taken {
  readonly kind: 'taken';
  readonly place: Place;
  /** For people. */
  readonly owner: string;
  /** It is another agent's, for its Envoy. */
  readonly byAgent: boolean;
}

/** The part of a binding that is used. */
export interface Binding {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  readonly dual: boolean;
}

export const ANY = 'any';
const ANY_IPV4 = '0'.repeat(8);
const ANY_IPV6 = '0'.repeat(32);
const MAPPED_IPV4 = `${'0'.repeat(20)}ffff`;

/** Undefined for what is no address: Envoy says what is wrong with it. */
export function toPlace({ protocol, address, port, dual }: Binding): Place | undefined {
  const hex = toHexAddress(address);
  if (hex === undefined) return undefined;
  const shown = address.includes(':') ? `[${address}]` : address;
  return {
    protocol,
    port,
    address: dual && hex === ANY_IPV6 ? ANY : unmapped(hex),
    host: address,
    text: `${protocol} ${shown}:${port}`,
  };
}

/** Names the place, and nothing else does: for claims. */
export function keyOf({ protocol, port, address }: Pick<Place, 'protocol' | 'port' | 'address'>): string {
  return `${protocol}/${port}/${address}`;
}

/** Whether a connection to one could reach the other. */
export function overlap(a: Pick<Place, 'protocol' | 'port' | 'address'>, b: typeof a): boolean {
  if (a.protocol !== b.protocol || a.port !== b.port) return false;
  return a.address === b.address || holds(a.address, b.address) || holds(b.address, a.address);
}

/**
 * Whether a socket of others is in the way. `maybe`: an IPv6 socket for all addresses takes IPv4, too, or does not, which
 * the kernel does not tell.
 */
export function meets(place: Place, socket: ListeningSocket): 'yes' | 'no' | 'maybe' {
  const other = { ...socket, address: unmapped(socket.address) };
  if (overlap(place, other)) return 'yes';
  return socket.address === ANY_IPV6 && overlap(place, { ...other, address: ANY }) ? 'maybe' : 'no';
}

function holds(wide: string, address: string): boolean {
  if (wide === ANY) return true;
  return (wide === ANY_IPV4 || wide === ANY_IPV6) && wide.length === address.length;
}

function unmapped(hex: string): string {
  return hex.startsWith(MAPPED_IPV4) ? hex.slice(MAPPED_IPV4.length) : hex;
}
