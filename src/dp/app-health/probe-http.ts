import { request } from 'node:http';
import { afterPatience } from '../../lib/patience.ts';
import type { ProbeResult } from './judge.ts';

/**
 * GET on a connection of its own; 2xx and 3xx are well, and a redirect is an answer, not a way. Only the head is waited
 * for: a page that never ends says that the application is well.
 */
export function probeHttp(url: URL, timeoutMs: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const outgoing = request({
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 80 : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { 'user-agent': 'kuma-dp', connection: 'close' },
      agent: false,
      signal,
    });
    const end = (result: ProbeResult) => {
      cancelTimeout();
      resolve(result);
      outgoing.destroy();
    };
    const cancelTimeout = afterPatience(timeoutMs, () =>
      end({ ok: false, reason: `no answer from ${url.href} within ${timeoutMs} ms` }),
    );
    outgoing.on('error', (error) => end({ ok: false, reason: `${url.href}: ${error.message}` }));
    outgoing.on('response', ({ statusCode = 0 }) => {
      const ok = statusCode >= 200 && statusCode < 400;
      end({ ok, reason: ok ? '' : `${url.href} answers ${statusCode}` });
    });
    outgoing.end();
  });
}
