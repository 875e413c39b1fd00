import type { AddressInfo, Server } from 'node:net';
import { CodedError } from '../../lib/coded-error.ts';

export type PortErrorCode = 'port-taken' | 'port-denied' | 'address-missing' | 'listen-failed';

/** A port that could not be opened; the message names it and the setting that moves it. */
export class PortError extends CodedError<PortErrorCode> {}

export interface Listening {
  readonly port: number;
  readonly address: string;
}

/** What a port is for and which setting names it, for messages. */
export interface PortPurpose {
  readonly purpose: string;
  readonly setting: string;
}

/** Opens a port; `backlog` is large because a thousand proxies may reconnect at once. Throws PortError. */
export function listen(
  server: Server,
  at: { host: string; port: number },
  what: PortPurpose,
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(toPortError(error, at, what));
    server.once('error', fail);
    server.listen({ ...at, backlog: 4096 }, () => {
      server.off('error', fail);
      const { address, port } = server.address() as AddressInfo;
      resolve({ address, port });
    });
  });
}

function toPortError(
  cause: NodeJS.ErrnoException,
  { host, port }: { host: string; port: number },
  { purpose, setting }: PortPurpose,
): PortError {
  const where = `${purpose} cannot listen on ${host}:${port}`;
  switch (cause.code) {
    case 'EADDRINUSE':
      return new PortError(
        'port-taken',
        `${where}: another program has this port; end it or set ${setting}`,
        { cause },
      );
    case 'EACCES':
      return new PortError(
        'port-denied',
        `${where}: not allowed; ports below 1024 want privileges, or set ${setting}`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
      return new PortError('address-missing', `${where}: this machine has no such address; set ${setting}`, {
        cause,
      });
    default:
      return new PortError('listen-failed', where, { cause });
  }
}
