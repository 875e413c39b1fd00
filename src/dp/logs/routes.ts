import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogRing } from './ring.ts';

export const LOGS_PATH = '/logs';

/** A reader that falls behind by more than this loses lines, not the agent its memory. */
const MAX_WAITING_BYTES = 256 * 1024;

/**
 * Answers `GET /logs?lines=N&follow=true` on the agent's socket, never on the port: logs are for the owner. False for any
 * other path.
 */
export function answerLogs(ring: LogRing, request: IncomingMessage, response: ServerResponse): boolean {
  // What is no URL at all may come, too.
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  if (url?.pathname !== LOGS_PATH) return false;
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
    return true;
  }
  const wanted = Number(url.searchParams.get('lines') ?? Number.POSITIVE_INFINITY);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
  response.write(ring.last(Number.isNaN(wanted) ? 0 : wanted).join(''));
  if (url.searchParams.get('follow') === 'true') followTo(ring, response);
  else response.end();
  return true;
}

function followTo(ring: LogRing, response: ServerResponse): void {
  response.flushHeaders();
  let dropped = 0;
  const stop = ring.follow((line) => {
    if (response.writableLength > MAX_WAITING_BYTES) {
      dropped++;
      return;
    }
    if (dropped > 0) response.write(`(${dropped} lines left out: the reader is too slow)\n`);
    dropped = 0;
    response.write(line);
  });
  response.once('close', stop);
}
