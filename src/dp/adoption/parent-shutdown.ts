import { readCommandLine } from '../../lib/process-id.ts';

/**
 * When an Envoy ends its parent, in ms after it took over: as it was started, whatever the settings of today say. Who ends
 * the parent before makes the child abort.
 */
export function readParentShutdown(child: { readonly pid: number }): number | undefined {
  return parseParentShutdown(readCommandLine(child.pid));
}

export function parseParentShutdown(words: readonly string[]): number | undefined {
  const at = words.indexOf('--parent-shutdown-time-s');
  const seconds = Number(at < 0 ? Number.NaN : words[at + 1]);
  return Number.isFinite(seconds) ? seconds * 1_000 : undefined;
}
