import { isJsonObject, type Json } from '../../lib/json.ts';

/** All counters of open connections, without the copies per worker thread. */
export const CONNECTIONS_PATH = `/stats?filter=${encodeURIComponent('^listener\\..*\\.downstream_cx_active$')}`;
export const LISTENERS_PATH = '/listeners?format=json';

/**
 * Prefixes of the statistics of listeners whose connections are not waited for: those the application of this host
 * opens itself (outbound), and those of the mesh's own plumbing.
 */
export function parseUncounted(listenersJson: string): ReadonlySet<string> {
  const uncounted = new Set<string>(['admin']);
  for (const { name, address } of listListeners(listenersJson)) {
    if (/^(outbound:|_?kuma:|system_)/.test(name)) uncounted.add(address);
  }
  return uncounted;
}

/** Connections that are still served, over all listeners but the uncounted ones. */
export function countConnections(stats: string, uncounted: ReadonlySet<string>): number {
  let total = 0;
  for (const line of stats.split('\n')) {
    const [, listener = '', count = '0'] = /^listener\.(.+)\.downstream_cx_active: (\d+)$/.exec(line) ?? [];
    if (listener === '' || /\.(worker_\d+|main_thread)$/.test(listener) || uncounted.has(listener)) continue;
    total += Number(count);
  }
  return total;
}

function listListeners(text: string): readonly { name: string; address: string }[] {
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch {
    return [];
  }
  const statuses: Json = isJsonObject(tree) ? (tree.listener_statuses ?? []) : [];
  if (!Array.isArray(statuses)) return [];
  return statuses.flatMap((status: Json) => {
    if (!isJsonObject(status) || typeof status.name !== 'string') return [];
    return [{ name: status.name, address: statPrefix(status.local_address ?? null) }];
  });
}

/** `127.0.0.1_10001`, `[__1]_10001`: how Envoy spells an address in the name of a statistic. */
function statPrefix(address: Json): string {
  const socket = isJsonObject(address) && isJsonObject(address.socket_address) ? address.socket_address : {};
  const host = String(socket.address ?? '');
  const text = host.includes(':') ? `[${host}]:${socket.port_value}` : `${host}:${socket.port_value}`;
  return text.replaceAll(':', '_');
}
