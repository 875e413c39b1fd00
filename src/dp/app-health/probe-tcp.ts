import { connect } from 'node:net';
import type { ProbeResult } from './judge.ts';

/** Connects and hangs up; nothing is sent. */
export function probeTcp(
  { host, port }: { readonly host: string; readonly port: number },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const end = (result: ProbeResult) => {
      clearTimeout(timer);
      resolve(result);
      socket.destroy();
    };
    const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const timer = setTimeout(
      () => end({ ok: false, reason: `no connection to ${where} within ${timeoutMs} ms` }),
      timeoutMs,
    );
    socket.on('error', (error) => end({ ok: false, reason: `${where}: ${error.message}` }));
    socket.once('connect', () => end({ ok: true, reason: '' }));
  });
}
