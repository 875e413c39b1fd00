import type { ReadText } from './cgroup.ts';

/**
 * Limits on open files. Node raises its own soft limit to the hard one when it starts and its children inherit that, so
 * Envoy always has the hard limit and there is nothing left to raise without privileges.
 */
export interface FileLimit {
  readonly soft: number;
  readonly hard: number;
}

/** Number the kernel means by `unlimited` for files: nr_open's default. */
const UNLIMITED = 1_048_576;

/** undefined where there is no /proc. */
export function readFileLimit(readText: ReadText, pid: number | 'self' = 'self'): FileLimit | undefined {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(readText(`/proc/${pid}/limits`) ?? '') ?? [];
  return soft === undefined || hard === undefined ? undefined : { soft: toCount(soft), hard: toCount(hard) };
}

function toCount(text: string): number {
  return text === 'unlimited' ? UNLIMITED : Number(text);
}
