import { defineType } from '../define-type.ts';
import { translateTrafficRoute } from '../dialect/traffic-route.ts';
import { always, list, map, object } from '../shape/compound.ts';
import { flag, kept, text, uint32 } from '../shape/shape.ts';
import type { Selector } from '../tags.ts';
import { checkTrafficRoute } from './traffic-route-rules.ts';
import type {
  HeaderModification,
  HttpModification,
  HttpRouteRule,
  LoadBalancer,
  RegexReplacement,
  RouteSplit,
  StringMatch,
  TrafficRouteConf,
  TrafficRouteSpec,
} from './traffic-route-spec.ts';

const selectors = list(object<Selector>({ match: always(map(text)) }));
const split = list(object<RouteSplit>({ weight: always(uint32), destination: always(map(text)) }));
const stringMatch = object<StringMatch>({ exact: kept(text), prefix: kept(text), regex: kept(text) });
const regexReplacement = object<RegexReplacement>({ pattern: always(text), substitution: always(text) });
const nothing = object<Record<never, never>>({});

const headers = object<HeaderModification>({
  add: list(
    object<NonNullable<HeaderModification['add']>[number]>({
      name: always(text),
      value: always(text),
      append: flag,
    }),
  ),
  remove: list(object<NonNullable<HeaderModification['remove']>[number]>({ name: always(text) })),
});

const modify = object<HttpModification>({
  path: object<NonNullable<HttpModification['path']>>({ rewritePrefix: text, regex: regexReplacement }),
  host: object<NonNullable<HttpModification['host']>>({ value: text, fromPath: regexReplacement }),
  requestHeaders: headers,
  responseHeaders: headers,
});

const http = object<HttpRouteRule>({
  match: always(
    object<HttpRouteRule['match']>({ path: stringMatch, method: stringMatch, headers: map(stringMatch) }),
  ),
  modify,
  split,
  destination: map(text),
});

const loadBalancer = object<LoadBalancer>({
  roundRobin: nothing,
  leastRequest: object<NonNullable<LoadBalancer['leastRequest']>>({ choiceCount: uint32 }),
  ringHash: object<NonNullable<LoadBalancer['ringHash']>>({
    hashFunction: text,
    minRingSize: uint32,
    maxRingSize: uint32,
  }),
  random: nothing,
  maglev: nothing,
});

export const trafficRouteType = defineType<TrafficRouteSpec>({
  name: 'TrafficRoute',
  scope: 'mesh',
  plural: 'traffic-routes',
  singular: 'traffic-route',
  // The older policies have no identifier in 2.14.
  shortName: '',
  display: { singular: 'Traffic Route', plural: 'Traffic Routes' },
  fields: object<TrafficRouteSpec>({
    sources: always(selectors),
    destinations: always(selectors),
    conf: always(object<TrafficRouteConf>({ split, destination: map(text), loadBalancer, http: list(http) })),
  }),
  check: checkTrafficRoute,
  translate: translateTrafficRoute,
});
