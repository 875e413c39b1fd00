import type { AppCheck } from '../config/agent-config.ts';
import type { ProbeResult } from './judge.ts';
import { probeExec } from './probe-exec.ts';
import { probeHttp } from './probe-http.ts';
import { probeTcp } from './probe-tcp.ts';

/** Checks the application once. Never rejects, and leaves no connection and no process behind. */
export type Probe = (signal: AbortSignal) => Promise<ProbeResult>;

export function createProbe(check: AppCheck, timeoutMs: number): Probe {
  switch (check.kind) {
    case 'http':
      return (signal) => probeHttp(check.url, timeoutMs, signal);
    case 'tcp':
      return (signal) => probeTcp(check, timeoutMs, signal);
    case 'exec':
      return (signal) => probeExec(check.command, timeoutMs, signal);
  }
}
