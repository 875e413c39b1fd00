import { Agent, type IncomingMessage, request } from 'node:http';
import { afterPatience } from '../../lib/patience.ts';
import type { AdminPlace } from '../admin-place.ts';

/**
 * Fixed requests to the admin interface of one Envoy. Rejects when nothing comes from it for the time, in ms in which
 * this process runs.
 */
export interface AdminClient {
  get(path: string): Promise<AdminReply>;
  /** Admin changes state on POST only. */
  post(path: string): Promise<AdminReply>;
  close(): void;
}

export interface AdminReply {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 2_000;
const MAX_BYTES = 8 * 1024 * 1024;

/** Keeps one connection open between requests; the owner closes it. */
export function createAdminClient(place: AdminPlace, timeoutMs = TIMEOUT_MS): AdminClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const where = 'port' in place ? { host: '127.0.0.1', port: place.port } : { socketPath: place.socketPath };
  const send = (method: 'GET' | 'POST', path: string): Promise<AdminReply> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { ...where, agent, method, path, headers: { host: 'localhost' } },
        (response) => {
          readAll(response, wait).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
        },
      );
      const giveUp = () => outgoing.destroy(new Error(`admin does not answer within ${timeoutMs} ms`));
      let cancelTimeout = afterPatience(timeoutMs, giveUp);
      const wait = (): void => {
        cancelTimeout();
        cancelTimeout = afterPatience(timeoutMs, giveUp);
      };
      outgoing.once('error', reject);
      outgoing.once('close', () => cancelTimeout());
      outgoing.end();
    });
  return {
    get: (path) => send('GET', path),
    post: (path) => send('POST', path),
    close: () => agent.destroy(),
  };
}

async function readAll(response: IncomingMessage, onChunk: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    onChunk();
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error('the answer of the admin interface is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
