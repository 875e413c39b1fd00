import { describe, expect, test } from 'vitest';
import type { Routing } from '../../../../src/cp/mesh/routing.ts';
import { routeByTrafficRoutes } from '../../../../src/cp/policies/traffic-route.ts';
import type { Resource } from '../../../../src/model/resource.ts';
import { aDataplane, aResource, step } from '../../../support/mesh-fixture.ts';

const web = aDataplane({
  name: 'web',
  outbound: { 9000: 'api', 9001: { 'kuma.io/service': 'api', version: '2' } },
});

function route(conf: object, name = 'route'): Resource {
  return aResource({
    type: 'TrafficRoute',
    name,
    sources: [{ match: { 'kuma.io/service': 'web' } }],
    destinations: [{ match: { 'kuma.io/service': 'api' } }],
    conf,
  });
}

/** As `route`, past what the API would refuse: a store may hold older resources. */
function rawRoute(conf: object): Resource {
  const valid = route({ destination: { 'kuma.io/service': 'x' } });
  return { ...valid, spec: { ...(valid.spec as object), conf } };
}

function routed(...routes: readonly Resource[]) {
  const snapshot = step(undefined, { put: [web, ...routes] });
  const dataplane = snapshot.dataplanes.get('web');
  if (dataplane === undefined) throw new Error('no web');
  const { byOutbound, problems } = routeByTrafficRoutes(snapshot, dataplane);
  const [whole, subset] = [...byOutbound.values()] as [Routing, Routing];
  return { whole, subset, problems };
}

const share = (weight: number, service: string, version?: string) => ({
  weight,
  destination: { 'kuma.io/service': service, ...(version === undefined ? {} : { version }) },
});

describe('where a TrafficRoute sends the traffic of an outbound', () => {
  test('without one, everything goes to what the outbound asks for', () => {
    const { whole, subset } = routed();
    expect(whole.shares).toEqual([share(1, 'api')]);
    expect(subset.shares).toEqual([share(1, 'api', '2')]);
  });

  test('a split keeps its weights, which need not be 100 together, and drops those of zero', () => {
    const split = [share(3, 'api', '1'), share(0, 'api', '2'), share(1, 'other')];
    expect(routed(route({ split })).whole.shares).toEqual([share(3, 'api', '1'), share(1, 'other')]);
  });

  test('a split with nothing but zeros is ignored and reported', () => {
    const { whole, problems } = routed(rawRoute({ split: [share(0, 'api', '1')] }));
    expect(whole.shares).toEqual([share(1, 'api')]);
    expect(problems).toEqual(['TrafficRoute "route" has no weight above 0 and is ignored']);
  });

  test('weights beyond 32 bits are scaled, each keeping at least something', () => {
    const { whole } = routed(rawRoute({ split: [share(2 ** 40, 'a'), share(2 ** 40, 'b'), share(1, 'c')] }));
    const [a = 0, b = 0, c = 0] = whole.shares.map((s) => s.weight);
    expect(a + b + c).toBeLessThanOrEqual(2 ** 32 - 1);
    expect(a).toBe(b);
    expect(c).toBe(1);
  });

  test('a star as service stands for what the outbound asks for, its tags included', () => {
    const { whole, subset } = routed(route({ destination: { 'kuma.io/service': '*' } }));
    expect(whole.shares).toEqual([share(1, 'api')]);
    expect(subset.shares).toEqual([share(1, 'api', '2')]);
  });

  test('HTTP rules have their own shares', () => {
    const http = [{ match: { path: { prefix: '/x' } }, destination: { 'kuma.io/service': 'x' } }];
    const { whole } = routed(route({ http, destination: { 'kuma.io/service': '*' } }));
    expect(whole.http).toEqual([{ match: { path: { prefix: '/x' } }, shares: [share(1, 'x')] }]);
  });

  test('a route for another service is not asked', () => {
    const other = aResource({
      type: 'TrafficRoute',
      name: 'other',
      sources: [{ match: { 'kuma.io/service': '*' } }],
      destinations: [{ match: { 'kuma.io/service': 'db' } }],
      conf: { destination: { 'kuma.io/service': 'nowhere' } },
    });
    expect(routed(other).whole.shares).toEqual([share(1, 'api')]);
  });

  test('the answer stays the same object until the proxy or a TrafficRoute that it gets changes', () => {
    const before = step(undefined, { put: [web] });
    const stranger = route({ destination: { 'kuma.io/service': 'x' } }, 'stranger');
    const db = { ...(stranger.spec as object), destinations: [{ match: { 'kuma.io/service': 'db' } }] };
    const joined = step(before, {
      put: [aDataplane({ name: 'api', service: 'api', address: '10.0.0.5' }), { ...stranger, spec: db }],
    });
    const changed = step(joined, { put: [route({ destination: { 'kuma.io/service': 'x' } })] });
    const of = (s: typeof before) => {
      const dataplane = s.dataplanes.get('web');
      return dataplane && routeByTrafficRoutes(s, dataplane);
    };
    const first = of(before);
    expect(of(joined)).toBe(first);
    expect(of(changed)).not.toBe(first);
  });
});
