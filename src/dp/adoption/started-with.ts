import { readCommandLine } from '../../lib/process-id.ts';

// What an Envoy was started with counts for it, whatever the settings of today say. All in ms.

/** When an Envoy ends its parent after it took over. Who ends the parent before makes the child abort. */
export function readParentShutdown(child: { readonly pid: number }): number | undefined {
  return parseParentShutdown(readCommandLine(child.pid));
}

export function parseParentShutdown(words: readonly string[]): number | undefined {
  return parseSeconds(words, '--parent-shutdown-time-s');
}

export function readDrainTime({ pid }: { readonly pid: number }): number | undefined {
  return parseSeconds(readCommandLine(pid), '--drain-time-s');
}

function parseSeconds(words: readonly string[], flag: string): number | undefined {
  const at = words.indexOf(flag);
  const seconds = Number(at < 0 ? Number.NaN : words[at + 1]);
  return Number.isFinite(seconds) ? seconds * 1_000 : undefined;
}
