import type { IncomingMessage } from 'node:http';
import type { Caller } from './access.ts';

const FORWARDING = ['forwarded', 'x-real-ip', 'via'];

/** What access decides on, read from the socket and the headers as they came. */
export function callerOf(request: IncomingMessage): Caller {
  const all = request.headersDistinct;
  const joined = (name: string) => all[name]?.join(', ');
  return {
    method: request.method ?? '',
    peerAddress: request.socket.remoteAddress ?? '',
    scheme: 'encrypted' in request.socket && request.socket.encrypted === true ? 'https' : 'http',
    host: joined('host'),
    origin: joined('origin'),
    secFetchSite: joined('sec-fetch-site'),
    forwarded: Object.keys(all).some((name) => FORWARDING.includes(name) || name.startsWith('x-forwarded')),
  };
}
