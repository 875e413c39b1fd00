import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/lib/json.ts';
import { translateTrafficRoute } from '../../../../src/model/dialect/traffic-route.ts';

const head = { type: 'TrafficRoute', name: 'r', mesh: 'm' };
const any = [{ match: { 'kuma.io/service': '*' } }];
const translate = (fields: JsonObject) => {
  const { body, violations, warnings } = translateTrafficRoute({ ...head, ...fields });
  const { type, name, mesh, ...rest } = body;
  return { fields: rest, violations, warnings };
};

test('a route of today comes back itself', () => {
  const body = {
    ...head,
    sources: any,
    destinations: any,
    conf: { split: [{ weight: 1, destination: { 'kuma.io/service': 'a' } }] },
  };
  expect(translateTrafficRoute(body).body).toBe(body);
});

test('a route of 0.3, with a list for its conf, gets a split', () => {
  const conf = [{ weight: 1, destination: { service: 'a', version: 'v1' } }];
  expect(translate({ sources: [{ match: { service: '*' } }], destinations: any, conf }).fields).toEqual({
    sources: any,
    destinations: any,
    conf: { split: [{ weight: 1, destination: { 'kuma.io/service': 'a', version: 'v1' } }] },
  });
});

test('tags are translated at the top and in http rules, for one destination and for a split', () => {
  const conf = {
    destination: [{ service: 'a' }],
    http: [
      { match: {}, destination: { service: 'b' } },
      { match: {}, split: [{ weight: 1, destination: [{ service: 'c' }] }] },
    ],
  };
  expect(translate({ sources: any, destinations: any, conf }).fields.conf).toEqual({
    destination: { 'kuma.io/service': 'a' },
    http: [
      { match: {}, destination: { 'kuma.io/service': 'b' } },
      { match: {}, split: [{ weight: 1, destination: { 'kuma.io/service': 'c' } }] },
    ],
  });
});

describe('destinations', () => {
  const match = (tags: JsonObject) => {
    const { fields, warnings } = translate({ sources: any, destinations: [{ match: tags }], conf: {} });
    return { match: (fields.destinations as { match: JsonObject }[])[0]?.match, warnings };
  };

  test('of the old shape keep the service alone and say so', () => {
    expect(match({ service: 'a', version: 'v1', zone: 'z' })).toEqual({
      match: { 'kuma.io/service': 'a' },
      warnings: ['version', 'zone'].map(
        (name) =>
          `destinations[0].match["${name}"]: ignored: destinations of a TrafficRoute are matched by kuma.io/service only`,
      ),
    });
  });

  test('of the old shape without a service keep their tags, or they would match everything', () => {
    expect(match({ app: 'bookinfo' })).toEqual({ match: { app: 'bookinfo' }, warnings: [] });
  });

  test('of today keep what parsing will refuse', () => {
    const tags = { 'kuma.io/service': 'a', version: 'v1' };
    expect(match(tags)).toEqual({ match: tags, warnings: [] });
  });
});

describe('refused', () => {
  test('are several rules, with the way to split them', () => {
    const { violations } = translate({ rules: [{ conf: [] }, { conf: [] }] });
    expect(violations).toEqual([
      {
        field: 'rules',
        message:
          'a TrafficRoute holds one rule, got 2: write each as a TrafficRoute of its own ("r-1" to "r-2") with its sources, destinations and conf at the top',
      },
    ]);
  });

  test.each([[[]], ['x'], [[5]], [{}]])('are rules that are %j', (rules) => {
    expect(translate({ rules: rules as never }).violations).toEqual([
      { field: 'rules', message: 'must be a list with one rule in it' },
    ]);
  });

  test('are rules beside the fields of today', () => {
    expect(translate({ rules: [{}], sources: any }).violations).toEqual([
      { field: 'rules', message: 'cannot be mixed with "sources"' },
    ]);
  });

  test('is a list of several destinations, named where it was written', () => {
    const destination = [{ service: 'a' }, { service: 'b' }];
    const { violations } = translate({
      rules: [{ sources: any, destinations: any, conf: [{ weight: 1, destination }] }],
    });
    expect(violations).toEqual([
      {
        field: 'rules[0].conf[0].destination',
        message: 'must be one map of tags, got a list of 2: write an entry with its own weight for each',
      },
    ]);
  });
});

test('a rule cannot change what its document is', () => {
  const rule = { type: 'Mesh', name: 'x', mesh: 'y', labels: { a: 'b' }, sources: any };
  expect(translateTrafficRoute({ ...head, rules: [rule] }).body).toEqual({ ...head, sources: any });
});
