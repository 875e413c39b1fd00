import * as urls from '../../envoy/type-urls.ts';
import type { DiscoverySubscription, TypeCounters } from '../../model/insight.ts';

/** Numbers of one stream, kept as numbers; JSON has them as strings (uint64). */
export interface Counters {
  sent: number;
  acknowledged: number;
  rejected: number;
}

export type CountedType = 'cds' | 'eds' | 'lds' | 'rds';

const COUNTED: ReadonlyMap<string, CountedType> = new Map([
  [urls.CLUSTER, 'cds'],
  [urls.ENDPOINT, 'eds'],
  [urls.LISTENER, 'lds'],
  [urls.ROUTE, 'rds'],
]);

/** Counters by type; `total` also counts types without a column of their own, such as secrets. */
export class StreamCounters {
  readonly #by: Record<'total' | CountedType, Counters> = {
    total: zero(),
    cds: zero(),
    eds: zero(),
    lds: zero(),
    rds: zero(),
  };

  count(typeUrl: string, what: keyof Counters): void {
    this.#by.total[what]++;
    const type = COUNTED.get(typeUrl);
    if (type !== undefined) this.#by[type][what]++;
  }

  toStatus(lastUpdateTime: string | undefined): DiscoverySubscription['status'] {
    return {
      ...(lastUpdateTime === undefined ? {} : { lastUpdateTime }),
      total: toJson(this.#by.total),
      cds: toJson(this.#by.cds),
      eds: toJson(this.#by.eds),
      lds: toJson(this.#by.lds),
      rds: toJson(this.#by.rds),
    };
  }
}

function zero(): Counters {
  return { sent: 0, acknowledged: 0, rejected: 0 };
}

function toJson({ sent, acknowledged, rejected }: Counters): TypeCounters {
  return {
    ...(sent > 0 ? { responsesSent: String(sent) } : {}),
    ...(acknowledged > 0 ? { responsesAcknowledged: String(acknowledged) } : {}),
    ...(rejected > 0 ? { responsesRejected: String(rejected) } : {}),
  };
}
