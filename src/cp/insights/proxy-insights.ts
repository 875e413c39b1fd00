import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { DataplaneInsightSpec, DiscoverySubscription } from '../../model/insight.ts';
import { type ProxyId, toNodeId } from '../lifecycle/proxy-id.ts';
import { StreamCounters } from './counters.ts';

/** What the control plane knows of each proxy's streams: live in memory, written to the store in batches. */
export interface InsightOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instanceId: string;
  readonly newId: () => string;
  /** Between a change of state (a connect, a rejection, a leave) and its writing. */
  readonly flushMs: number;
  /** The same for what only counts messages: with a thousand proxies each change of the mesh would be a thousand writes. */
  readonly counterFlushMs: number;
  /** Writes a batch; a proxy whose Dataplane is gone is left out by it. */
  readonly write: (batch: Batch) => Promise<void>;
}

type Batch = readonly { readonly proxy: ProxyId; readonly spec: DataplaneInsightSpec }[];

/** Proxies written at once; between two parts the event loop gets its turn, a thousand together would hold it 100 ms. */
const WRITE_PART = 100;

/** Subscriptions kept per proxy, the open one included; Kuma's default. */
const SUBSCRIPTION_LIMIT = 2;

interface Live {
  readonly proxy: ProxyId;
  closed: readonly DiscoverySubscription[];
  open: OpenSubscription | undefined;
  rejections: NonNullable<DataplaneInsightSpec['rejections']>;
  /** Why nobody waits for it, undefined while somebody does. */
  gone: 'left' | 'expired' | undefined;
  illness: DataplaneInsightSpec['illness'];
}

interface OpenSubscription {
  readonly id: string;
  readonly connectTime: string;
  readonly version: DiscoverySubscription['version'];
  readonly counters: StreamCounters;
  /** Wall time in ms: written down only when asked for, for it changes with each message. */
  lastUpdateAt: number | undefined;
}

export class ProxyInsights {
  readonly #options: InsightOptions;
  readonly #live = new Map<string, Live>();
  readonly #dirty = new Set<string>();
  #flushTimer: { readonly what: 'state' | 'counters'; readonly cancel: () => void } | undefined;
  #flushing: Promise<void> = Promise.resolve();
  /** The last writing failed, and the log knows. */
  #failing = false;

  constructor(options: InsightOptions) {
    this.#options = options;
  }

  /** Takes over what the store had when this control plane started; subscriptions left open are closed now. */
  restore(proxy: ProxyId, spec: DataplaneInsightSpec): void {
    const now = this.#now();
    const closed = spec.subscriptions.map((s) =>
      s.disconnectTime === undefined ? { ...s, disconnectTime: now } : s,
    );
    this.#live.set(toNodeId(proxy), {
      proxy,
      closed,
      open: undefined,
      rejections: spec.rejections ?? [],
      gone: spec.left === true ? 'left' : spec.expired === true ? 'expired' : undefined,
      illness: spec.illness,
    });
    if (spec.subscriptions.some((s) => s.disconnectTime === undefined)) this.#touch(toNodeId(proxy));
  }

  opened(proxy: ProxyId, version: DiscoverySubscription['version']): void {
    const live = this.#of(proxy);
    this.#close(live);
    live.gone = undefined;
    live.open = {
      id: this.#options.newId(),
      connectTime: this.#now(),
      version,
      counters: new StreamCounters(),
      lastUpdateAt: undefined,
    };
    this.#touch(toNodeId(proxy));
  }

  sent(proxy: ProxyId, typeUrl: string): void {
    this.#count(proxy, typeUrl, 'sent');
  }

  acknowledged(proxy: ProxyId, typeUrl: string): void {
    this.#count(proxy, typeUrl, 'acknowledged');
    const live = this.#live.get(toNodeId(proxy));
    if (live?.rejections.some((r) => r.typeUrl === typeUrl)) {
      live.rejections = live.rejections.filter((r) => r.typeUrl !== typeUrl);
      this.#touch(toNodeId(proxy));
    }
  }

  rejected(proxy: ProxyId, typeUrl: string, message: string): void {
    this.#count(proxy, typeUrl, 'rejected');
    const live = this.#of(proxy);
    live.rejections = [
      ...live.rejections.filter((r) => r.typeUrl !== typeUrl),
      { typeUrl, time: this.#now(), message: message.slice(0, 4096) },
    ];
    this.#touch(toNodeId(proxy));
  }

  closed(proxy: ProxyId): void {
    const live = this.#live.get(toNodeId(proxy));
    if (live === undefined) return;
    this.#close(live);
    this.#touch(toNodeId(proxy));
  }

  /** The agent announced its stop: after a restart of the control plane the proxy is not waited for. */
  left(proxy: ProxyId): void {
    this.#setGone(proxy, 'left');
  }

  /** Its lease is over; the same holds. */
  expired(proxy: ProxyId): void {
    this.#setGone(proxy, 'expired');
  }

  /** Its Dataplane was made anew, and what was stored went with the old one. */
  rewrite(proxy: ProxyId): void {
    if (this.#live.has(toNodeId(proxy))) this.#touch(toNodeId(proxy));
  }

  /** The agent's word on its application; undefined when it is well or nothing is known any more. */
  ill(proxy: ProxyId, reason: string | undefined): void {
    const live = reason === undefined ? this.#live.get(toNodeId(proxy)) : this.#of(proxy);
    if (live === undefined || live.illness?.reason === reason) return;
    live.illness = reason === undefined ? undefined : { since: live.illness?.since ?? this.#now(), reason };
    this.#touch(toNodeId(proxy));
    // Traffic depends on it: it is to survive the death of this control plane.
    void this.flush();
  }

  /** The Dataplane is gone. */
  forget(proxy: ProxyId): void {
    this.#live.delete(toNodeId(proxy));
    this.#dirty.delete(toNodeId(proxy));
  }

  get(mesh: string, name: string): DataplaneInsightSpec | undefined {
    const live = this.#live.get(toNodeId({ mesh, name }));
    return live === undefined ? undefined : this.#toSpec(live);
  }

  /** Writes what changed; resolves when it is written or has failed, and then it is tried again later. */
  async flush(): Promise<void> {
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
    this.#flushing = this.#flushing.then(() => this.#write());
    await this.#flushing;
  }

  async #write(): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    const batch = dirty.flatMap((nodeId) => {
      const live = this.#live.get(nodeId);
      return live === undefined ? [] : [{ proxy: live.proxy, spec: this.#toSpec(live) }];
    });
    if (batch.length === 0) return;
    const { logger } = this.#options;
    try {
      await this.#writeInParts(batch);
      if (this.#failing) logger.info({}, 'insights are written again');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        logger.warn(
          { error: describeError(error) },
          'insights could not be written; it is tried until it works',
        );
      }
      this.#failing = true;
      for (const nodeId of dirty) this.#touch(nodeId);
    }
  }

  #setGone(proxy: ProxyId, gone: 'left' | 'expired'): void {
    const live = this.#live.get(toNodeId(proxy));
    if (live === undefined || live.gone === gone) return;
    live.gone = gone;
    this.#touch(toNodeId(proxy));
  }

  async #writeInParts(batch: Batch): Promise<void> {
    for (let from = 0; from < batch.length; from += WRITE_PART) {
      if (from > 0) await setImmediate();
      await this.#options.write(batch.slice(from, from + WRITE_PART));
    }
  }

  #count(proxy: ProxyId, typeUrl: string, what: 'sent' | 'acknowledged' | 'rejected'): void {
    const nodeId = toNodeId(proxy);
    const open = this.#live.get(nodeId)?.open;
    if (open === undefined) return;
    open.counters.count(typeUrl, what);
    open.lastUpdateAt = this.#options.clock.now();
    this.#touch(nodeId, 'counters');
  }

  #close(live: Live): void {
    if (live.open === undefined) return;
    const ended = { ...this.#toSubscription(live.open), disconnectTime: this.#now() };
    live.closed = [...live.closed, ended].slice(1 - SUBSCRIPTION_LIMIT);
    live.open = undefined;
  }

  #of(proxy: ProxyId): Live {
    const nodeId = toNodeId(proxy);
    const known = this.#live.get(nodeId);
    if (known !== undefined) return known;
    const fresh: Live = {
      proxy,
      closed: [],
      open: undefined,
      rejections: [],
      gone: undefined,
      illness: undefined,
    };
    this.#live.set(nodeId, fresh);
    return fresh;
  }

  #toSpec(live: Live): DataplaneInsightSpec {
    const open = live.open === undefined ? [] : [this.#toSubscription(live.open)];
    return {
      subscriptions: [...live.closed, ...open].slice(-SUBSCRIPTION_LIMIT),
      ...(live.rejections.length > 0 ? { rejections: live.rejections } : {}),
      ...(live.gone === undefined ? {} : { [live.gone]: true }),
      ...(live.illness === undefined ? {} : { illness: live.illness }),
    };
  }

  #toSubscription(open: OpenSubscription): DiscoverySubscription {
    return {
      id: open.id,
      controlPlaneInstanceId: this.#options.instanceId,
      connectTime: open.connectTime,
      status: open.counters.toStatus(open.lastUpdateAt === undefined ? undefined : toTime(open.lastUpdateAt)),
      ...(open.version === undefined ? {} : { version: open.version }),
    };
  }

  #touch(nodeId: string, what: 'state' | 'counters' = 'state'): void {
    this.#dirty.add(nodeId);
    const timer = this.#flushTimer;
    // One that runs is early enough for counters, whatever it was set for.
    if (timer !== undefined && (what === 'counters' || timer.what === 'state')) return;
    timer?.cancel();
    const { clock, flushMs, counterFlushMs } = this.#options;
    const cancel = clock.after(what === 'state' ? flushMs : counterFlushMs, () => {
      this.#flushTimer = undefined;
      void this.flush();
    });
    this.#flushTimer = { what, cancel };
  }

  #now(): string {
    return toTime(this.#options.clock.now());
  }
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
