import { isIP } from 'node:net';

/**
 * Who calls, and what that allows: a pure decision from what the socket and the headers say. Reads are open to
 * everybody who reaches the port, writes only to a direct call from this machine. "From this machine" is never
 * taken from the peer address alone: a browser on this machine runs other people's pages, so Host (against DNS
 * rebinding), Origin and Sec-Fetch-Site (against cross-site calls) and forwarding headers (against a local
 * reverse proxy that vouches for nobody) must agree. No CORS header is ever sent.
 */

export interface AccessRules {
  /** Names besides IP literals and `localhost` under which this control plane may be called, in any case. */
  readonly hostNames: readonly string[];
  /** Refuses every write with 405 (`apiServer.readOnly`). */
  readonly readOnly: boolean;
  /** A direct call from this machine may write (`apiServer.authn.localhostIsAdmin`); without it nobody may. */
  readonly localhostIsAdmin: boolean;
}

/** What a decision rests on. Repeated headers arrive joined by `, ` and so match nothing that is allowed. */
export interface Caller {
  readonly method: string;
  readonly peerAddress: string;
  readonly scheme: 'http' | 'https';
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
  /** Any of Forwarded, X-Forwarded-*, X-Real-IP, Via was present. */
  readonly forwarded: boolean;
}

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export type Decision =
  | { readonly kind: 'allowed'; readonly user: User }
  | { readonly kind: 'denied'; readonly user: User; readonly reason: string }
  | { readonly kind: 'read-only' };

const ADMIN: User = { name: 'mesh-system:admin', groups: ['mesh-system:admin', 'mesh-system:authenticated'] };
const ANONYMOUS: User = { name: 'mesh-system:anonymous', groups: ['mesh-system:unauthenticated'] };
const READS = new Set(['GET', 'HEAD']);

export function decideAccess(caller: Caller, rules: AccessRules): Decision {
  const denied = (reason: string): Decision => ({ kind: 'denied', user: ANONYMOUS, reason });
  const hostname = parseHostname(caller.host);
  if (hostname === undefined) return denied(`the Host header ${quote(caller.host)} is not a host name`);
  if (!isIpOrLocalhost(hostname) && !rules.hostNames.some((name) => name.toLowerCase() === hostname)) {
    return denied(
      `the Host header names ${quote(hostname)}, which this control plane does not go by; ` +
        'call it by IP address or localhost, or add the name to general.hostNames in its configuration',
    );
  }
  const crossSite = describeCrossSite(caller);
  if (crossSite !== undefined) return denied(crossSite);
  const obstacle = rules.localhostIsAdmin
    ? describeIndirect(caller, hostname)
    : 'apiServer.authn.localhostIsAdmin is false, and this control plane knows no other administrator yet';
  const user = obstacle === undefined ? ADMIN : ANONYMOUS;
  if (READS.has(caller.method)) return { kind: 'allowed', user };
  if (rules.readOnly) return { kind: 'read-only' };
  return obstacle === undefined
    ? { kind: 'allowed', user }
    : denied(`changes are accepted only from this machine and its administrator: ${obstacle}`);
}

/** `user "NAME/GROUPS"` as error messages print it. */
export function describeUser(user: User): string {
  return `user "${user.name}/${user.groups.join(',')}"`;
}

/** The peer is on this machine: 127.0.0.0/8, ::1, and the first as seen by a dual-stack socket. */
export function isLoopback(address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function describeIndirect(caller: Caller, hostname: string): string | undefined {
  if (!isLoopback(caller.peerAddress)) return `the call comes from ${caller.peerAddress}`;
  if (caller.forwarded) return 'the call was forwarded by a proxy';
  if (hostname !== 'localhost' && !isLoopback(hostname)) {
    return `the Host header is ${quote(hostname)}; use http://localhost or http://127.0.0.1`;
  }
  return undefined;
}

/** A page of another origin sent it. Programs send neither header; a page cannot leave out or change them. */
function describeCrossSite({ secFetchSite, origin, host, scheme }: Caller): string | undefined {
  if (secFetchSite !== undefined && secFetchSite !== 'same-origin' && secFetchSite !== 'none') {
    return `a web page of another site sent the request (Sec-Fetch-Site: ${quote(secFetchSite)})`;
  }
  if (origin !== undefined && !isSameOrigin(origin, `${scheme}://${host}`)) {
    return `a web page of another origin sent the request (Origin: ${quote(origin)})`;
  }
  return undefined;
}

function isSameOrigin(origin: string, own: string): boolean {
  return (
    URL.canParse(origin) &&
    URL.canParse(own) &&
    origin !== 'null' &&
    new URL(origin).origin === new URL(own).origin
  );
}

/** Host without its port and brackets, lower case; undefined when malformed. A trailing dot is part of no name here. */
function parseHostname(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? '');
  if (match === null) return undefined;
  const [, v6, other] = match;
  if (v6 !== undefined) return isIP(v6) === 6 ? v6.toLowerCase() : undefined;
  return other?.toLowerCase();
}

function isIpOrLocalhost(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname) !== 0;
}

function quote(text: string | undefined): string {
  return JSON.stringify((text ?? '').slice(0, 100));
}
