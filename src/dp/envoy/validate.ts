import { runCommand } from '../../lib/command.ts';
import { validateArguments } from './command-line.ts';

const TIMEOUT_MS = 30_000;

/** What Envoy has against a bootstrap; undefined when it takes it. Aborting counts as no objection. */
export async function validateBootstrap(
  binary: string,
  check: Parameters<typeof validateArguments>[0],
  signal: AbortSignal,
): Promise<string | undefined> {
  const { ok, stderr, problem } = await runCommand(binary, validateArguments(check), {
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  if (ok || signal.aborted) return undefined;
  // The last line is the bare cause; a quoted configuration may stand above it.
  const cause = stderr.trim().split('\n').at(-1) ?? '';
  return cause === '' ? problem : `${cause.slice(0, 1000)} (${problem})`;
}
