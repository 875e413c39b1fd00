import { readProcessId } from '../../../src/lib/process-id.ts';
import { waitUntil } from '../../support/processes.ts';
import type { FailedRequest } from '../../support/traffic.ts';
import { type OneProxy, untilState } from './one-proxy.ts';

/** From the end of an Envoy to the first good answer after it, in ms of `performance.now()`. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Not one that only waits to be reaped. */
export function isAlive(pid: number): boolean {
  return readProcessId(pid) !== undefined;
}

/** Kills the Envoy that serves and waits until another has its whole configuration. */
export async function killServing(proxy: OneProxy, signal: NodeJS.Signals = 'SIGKILL'): Promise<Gap> {
  const { pid } = await untilState(proxy, 'ready');
  return killAndWait(proxy, pid, signal);
}

/** The same for an Envoy that is known by its pid, whatever the agent says of itself. */
export async function killAndWait(
  proxy: OneProxy,
  pid: number,
  signal: NodeJS.Signals = 'SIGKILL',
): Promise<Gap> {
  const from = performance.now();
  process.kill(pid, signal);
  const gap = await untilServed(proxy, pid, from);
  await waitUntil(async () => (await proxy.status()).pid !== pid);
  return gap;
}

/** Waits for the end of an Envoy and for the first answer of the next one. Without `began` its last answer counts as its end. */
export async function untilServed(proxy: OneProxy, pid: number, began?: number): Promise<Gap> {
  let from = began ?? performance.now();
  const isGone = async () => {
    const at = performance.now();
    if (!isAlive(pid)) return true;
    if (began === undefined && (await proxy.serves())) from = at;
    return false;
  };
  await waitUntil(isGone, { describe: () => `the end of Envoy ${pid}` });
  await waitUntil(() => proxy.serves());
  return { from, to: performance.now() };
}

/** What failed although Envoy served all the time between sending and failing. */
export function outside(failed: readonly FailedRequest[], gaps: readonly Gap[]): readonly FailedRequest[] {
  return failed.filter(
    ({ sentAt, failedAt }) => !gaps.some(({ from, to }) => sentAt <= to + 50 && failedAt >= from - 50),
  );
}
