import { basename, dirname } from 'node:path';
import type { ListeningSocket } from '../../lib/listening-sockets.ts';
import { describeCommand, readCommandLine } from '../../lib/process-id.ts';

/**
 * `process 4711 (node server.js)`, with the proxy where it is an Envoy; of other users, whose processes cannot be looked
 * into, only as much as all may know.
 */
export function describeSocketOwner(
  { uid }: Pick<ListeningSocket, 'uid'>,
  pid: number | undefined,
): { readonly text: string; readonly byAgent: boolean } {
  if (pid === undefined)
    return { text: `a process of user ${uid} (root can see which: ss -lntup)`, byAgent: false };
  const proxy = proxyOf(readCommandLine(pid));
  const text = `process ${pid} (${describeCommand(pid)})`;
  return proxy === '' ? { text, byAgent: false } : { text: `${text}, ${proxy}`, byAgent: true };
}

/** An agent starts Envoy with a bootstrap file in the private directory of its proxy. */
function proxyOf(args: readonly string[]): string {
  const file = args.find((arg) => /\/bootstrap\.\d\.json$/.test(arg));
  if (file === undefined) return '';
  const instance = basename(dirname(file));
  const [mesh = '', ...name] = instance.split('.');
  return instance.includes('~') || name.length === 0
    ? `the Envoy of the agent in ${dirname(file)}`
    : `the Envoy of the proxy ${name.join('.')} (mesh ${mesh})`;
}
