import type { AdsTarget } from './ads-channel.ts';
import { AdsClient } from './ads-client.ts';

export interface FleetOptions {
  readonly count: number;
  readonly target: AdsTarget;
  readonly mode: 'sotw' | 'delta';
  /** Node id of proxy i, e.g. `default.dp-7`. */
  nodeId(i: number): string;
  readonly metadata?: (i: number) => Readonly<Record<string, unknown>>;
  /** gRPC headers of proxy i, e.g. its token. */
  readonly headers?: (i: number) => Readonly<Record<string, string>>;
  /** Come back after a lost stream, 50 to 500 ms later; default false. */
  readonly reconnect?: boolean;
  /** HTTP/2 pings of each proxy, every so many ms, as Envoy's connection_keepalive; none when absent. */
  readonly pingMs?: number;
}

export interface ReceivedByProxy {
  readonly proxy: number;
  readonly typeUrl: string;
  readonly name: string;
  /** '' when the resource was removed. */
  readonly version: string;
}

/** Times are milliseconds since the call that waits. */
export interface FleetTimes {
  readonly lastMs: number;
  /** When each proxy got there, sorted. */
  readonly allMs: readonly number[];
}

/** Simulated proxies in this process, each with a connection of its own. Names and versions are kept, messages are not. */
export interface Fleet {
  readonly proxies: readonly AdsClient[];
  /** Since `startFleet`: until every proxy is warm. */
  allWarm(): Promise<FleetTimes>;
  /** Call it before the change: until `predicate` holds for every proxy (or those of `among`). */
  waitUntilAll(
    predicate: (proxy: AdsClient, i: number) => boolean,
    among?: readonly number[],
  ): Promise<FleetTimes>;
  onResource(listener: (received: ReceivedByProxy) => void): void;
  close(): void;
}

export function startFleet(options: FleetOptions): Fleet {
  const start = performance.now();
  const listeners: ((received: ReceivedByProxy) => void)[] = [];
  let closed = false;
  const proxies = Array.from({ length: options.count }, (_, i) => startProxy(i));

  function startProxy(i: number): AdsClient {
    const metadata = options.metadata?.(i);
    const headers = options.headers?.(i);
    const proxy = new AdsClient({
      target: options.target,
      mode: options.mode,
      node: { id: options.nodeId(i), ...(metadata === undefined ? {} : { metadata }) },
      ...(headers === undefined ? {} : { headers }),
      ...(options.pingMs === undefined ? {} : { pingMs: options.pingMs }),
      keepMessages: false,
      onResponse({ typeUrl, resources, removed }) {
        if (listeners.length === 0) return;
        for (const { name, version } of resources)
          for (const listener of listeners) listener({ proxy: i, typeUrl, name, version });
        for (const name of removed)
          for (const listener of listeners) listener({ proxy: i, typeUrl, name, version: '' });
      },
    });
    if (options.reconnect === true) keepConnected(proxy);
    return proxy;
  }

  function keepConnected(proxy: AdsClient): void {
    void proxy.ended.then(() => {
      const timer = setTimeout(
        () => {
          if (closed) return;
          proxy.reconnect();
          keepConnected(proxy);
        },
        50 + 450 * Math.random(),
      );
      timer.unref();
    });
  }

  async function times(
    since: number,
    among: readonly number[],
    predicate: (proxy: AdsClient, i: number) => boolean,
  ) {
    const allMs = await Promise.all(
      among.map(async (i) => {
        await proxies[i]?.until((proxy) => predicate(proxy, i));
        return performance.now() - since;
      }),
    );
    allMs.sort((a, b) => a - b);
    return { allMs, lastMs: allMs.at(-1) ?? 0 };
  }

  const everybody = [...proxies.keys()];
  return {
    proxies,
    allWarm: () => times(start, everybody, (proxy) => proxy.warm),
    waitUntilAll: (predicate, among = everybody) => times(performance.now(), among, predicate),
    onResource: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      for (const proxy of proxies) proxy.close();
    },
  };
}
