import { connect } from 'node:net';
import { afterPatience } from '../../lib/patience.ts';
import type { ProbeResult } from './judge.ts';

/** Connects and hangs up; nothing is sent. */
export function probeTcp(
  { host, port }: { readonly host: string; readonly port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    // Given to the socket, the signal would keep each of them for as long as it lives itself.
    const socket = connect({ host, port });
    const onAbort = () => end({ ok: false, reason: 'cancelled' });
    const end = (result: ProbeResult) => {
      cancelTimeout();
      signal.removeEventListener('abort', onAbort);
      resolve(result);
      socket.destroy();
    };
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const cancelTimeout = afterPatience(timeoutMs, () =>
      end({ ok: false, reason: `no connection to ${where} within ${timeoutMs} ms` }),
    );
    socket.on('error', (error) => end({ ok: false, reason: `${where}: ${error.message}` }));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.once('connect', () => end({ ok: true, reason: '' }));
  });
}
