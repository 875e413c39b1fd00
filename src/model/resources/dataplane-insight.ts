import { defineType } from '../define-type.ts';
import type { DataplaneInsightSpec, DiscoverySubscription, TypeCounters } from '../insight.ts';
import { always, list, map, object } from '../shape/compound.ts';
import { flag, text, uint32 } from '../shape/shape.ts';

type Status = DiscoverySubscription['status'];
type Rejection = NonNullable<DataplaneInsightSpec['rejections']>[number];
type Version = NonNullable<DiscoverySubscription['version']>;

const counters = object<TypeCounters>({
  responsesSent: text,
  responsesAcknowledged: text,
  responsesRejected: text,
});

const version = object<Version>({
  kumaDp: object<NonNullable<Version['kumaDp']>>({
    version: text,
    gitTag: text,
    gitCommit: text,
    buildDate: text,
    kumaCpCompatible: flag,
  }),
  envoy: object<NonNullable<Version['envoy']>>({ version: text, build: text, kumaDpCompatible: flag }),
  dependencies: map(text),
});

const subscription = object<DiscoverySubscription>({
  id: always(text),
  controlPlaneInstanceId: always(text),
  connectTime: always(text),
  disconnectTime: text,
  generation: uint32,
  status: always(
    object<Status>({
      lastUpdateTime: text,
      total: always(counters),
      cds: always(counters),
      eds: always(counters),
      lds: always(counters),
      rds: always(counters),
    }),
  ),
  version,
});

export const dataplaneInsightType = defineType<DataplaneInsightSpec>({
  name: 'DataplaneInsight',
  scope: 'mesh',
  plural: 'dataplane-insights',
  singular: 'dataplane-insight',
  shortName: '',
  readOnly: true,
  fields: object<DataplaneInsightSpec>({
    subscriptions: always(list(subscription)),
    rejections: list(object<Rejection>({ typeUrl: always(text), time: always(text), message: always(text) })),
    illness: object<NonNullable<DataplaneInsightSpec['illness']>>({
      since: always(text),
      reason: always(text),
    }),
    left: flag,
    expired: flag,
  }),
});
