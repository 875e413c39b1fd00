import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { describeViolations } from '../../../../src/lib/violations.ts';
import { trafficRouteType } from '../../../../src/model/resources/traffic-route.ts';
import { routeDestinations } from '../../../../src/model/resources/traffic-route-rules.ts';

const to = { 'kuma.io/service': 'a' };
const any = [{ match: { 'kuma.io/service': '*' } }];
const route = { sources: any, destinations: any, conf: { destination: to } };
const refusal = (fields: JsonObject) =>
  describeViolations(trafficRouteType.parse({ ...route, ...fields }).violations);

test('a route without anything gets the texts of Kuma 2.14', () => {
  expect(describeViolations(trafficRouteType.parse({}).violations)).toBe(
    'sources: must have at least one element; destinations: must have at least one element; conf: cannot be empty',
  );
});

test.each<[JsonObject, string]>([
  [{}, ''],
  [{ sources: [{ match: { 'kuma.io/service': '*', version: 'v1' } }] }, ''],
  [{ sources: [{ match: { v: '' } }] }, 'sources[0].match["v"]: tag value cannot be empty'],
  [{ sources: {} }, 'sources: must be a list, got an object'],
  [
    { destinations: [{ match: { ...to, version: 'v1' } }] },
    'destinations[0].match["version"]: tag "version" is not allowed',
  ],
  [{ destinations: [{}] }, 'destinations[0].match: mandatory tag "kuma.io/service" is missing'],
])('selectors %j are answered with "%s"', (fields, message) => {
  expect(refusal(fields)).toBe(message);
});

describe('conf', () => {
  const part = { weight: 1, destination: to };
  test.each<[JsonObject, string]>([
    [{ split: [part, { ...part, weight: 0 }] }, ''],
    [{ loadBalancer: { random: {} } }, 'conf: requires either "destination" or "split"'],
    [{ split: [part], destination: to }, 'conf: "split" cannot be defined at the same time as "destination"'],
    [
      { split: [{ ...part, weight: 0 }] },
      'conf.split: there must be at least one split entry with a weight above 0',
    ],
    [
      { split: [{ ...part, weight: -1 }] },
      'conf.split[0].weight: must be in the range [0, 4294967295], got -1',
    ],
    [{ split: [{ ...part, weight: 'x' }] }, 'conf.split[0].weight: must be a whole number, got the text "x"'],
    [
      { split: [{ ...part, weight: 4294967295 }, part] },
      'conf.split: the sum of weights must not exceed 4294967295',
    ],
    [{ split: [{ weight: 1 }] }, 'conf.split[0].destination: mandatory tag "kuma.io/service" is missing'],
    [{ destination: { v: 'v1' } }, 'conf.destination: mandatory tag "kuma.io/service" is missing'],
    [
      { destination: to, loadBalancer: { random: {}, maglev: {} } },
      'conf.loadBalancer: must have exactly one of roundRobin, leastRequest, ringHash, random, maglev',
    ],
    [{ destination: to, loadBalancer: { leastRequest: { choiceCount: 3 } } }, ''],
    [
      { destination: to, http: [{ destination: to }] },
      'conf.http[0].match: must have at least one of path, method, headers',
    ],
    [
      { destination: to, http: [{ match: { path: { exact: '/', prefix: '/' } } }] },
      'conf.http[0].match.path: must have exactly one of exact, prefix, regex; conf.http[0]: requires either "destination" or "split"',
    ],
    [
      { destination: to, http: [{ match: { headers: { 'x-a': {} } }, destination: to }] },
      'conf.http[0].match.headers["x-a"]: must have exactly one of exact, prefix, regex',
    ],
  ])('%j is answered with "%s"', (conf, message) => {
    expect(refusal({ conf })).toBe(message);
  });
});

test('every destination is listed with its path and share', () => {
  const split = [
    { weight: 9, destination: to },
    { weight: 0, destination: { 'kuma.io/service': 'b' } },
  ];
  const http = [{ match: { path: { prefix: '/' } }, destination: { 'kuma.io/service': 'c' } }];
  const { spec } = trafficRouteType.parse({ ...route, conf: { split, http } });
  expect(spec && routeDestinations(spec)).toEqual([
    { field: 'conf.split[0].destination', tags: to, weight: 9 },
    { field: 'conf.split[1].destination', tags: { 'kuma.io/service': 'b' }, weight: 0 },
    { field: 'conf.http[0].destination', tags: { 'kuma.io/service': 'c' }, weight: 1 },
  ]);
});
