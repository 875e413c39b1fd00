import { describe, expect, test } from 'vitest';
import { type Generated, generate } from '../../../../src/cp/generate/generate.ts';
import type { MeshSnapshot } from '../../../../src/cp/mesh/snapshot.ts';
import { routeByTrafficRoutes } from '../../../../src/cp/policies/traffic-route.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../../src/envoy/type-urls.ts';
import { aDataplane, aResource, step } from '../../../support/mesh-fixture.ts';

const http = { 'kuma.io/protocol': 'http' };
const web1 = aDataplane({ name: 'web1', outbound: { 9000: 'x', 9001: 'y' } });
const web2 = aDataplane({ name: 'web2', address: '10.0.0.2', outbound: { 9000: 'x', 9001: 'y' } });
const x1 = aDataplane({ name: 'x1', service: 'x', address: '10.0.1.1', tags: http });
const x2 = aDataplane({ name: 'x2', service: 'x', address: '10.0.1.2', tags: http });
const y1 = aDataplane({ name: 'y1', service: 'y', address: '10.0.2.1' });
const mesh = step(undefined, { put: [web1, web2, x1, y1] });

function generated(snapshot: MeshSnapshot, name: string, before?: Generated): Generated {
  const dataplane = snapshot.dataplanes.get(name);
  if (dataplane === undefined) throw new Error(`no ${name}`);
  const routing = routeByTrafficRoutes(snapshot, dataplane);
  return generate({ snapshot, dataplane, routing, ...(before && { previous: before.resources }) });
}

/** A mesh built anew of the same resources: nothing made for the other can be found again. */
function fromNothing(snapshot: MeshSnapshot, name: string): Generated {
  const copy = structuredClone(snapshot);
  return generated({ ...copy, services: step(undefined, { put: asResources(copy) }).services }, name);
}

function asResources({ dataplanes }: MeshSnapshot): ReturnType<typeof aDataplane>[] {
  return [...dataplanes.values()].map(({ name, spec }) => ({ ...aDataplane({ name }), spec }));
}

/** Splits what goes to a service by version; of 0 % nothing is left for the first. */
function splitOf(percent: number, service = 'x') {
  const to = (version: string, weight: number) => ({
    weight,
    destination: { 'kuma.io/service': service, version },
  });
  return aResource({
    type: 'TrafficRoute',
    name: `split-${service}`,
    sources: [{ match: { 'kuma.io/service': '*' } }],
    destinations: [{ match: { 'kuma.io/service': service } }],
    conf: { split: [to('1', percent), to('2', 100 - percent)] },
  });
}

function versionsOf({ resources, services, problems }: Generated) {
  const byType = [...resources].map(([type, map]) => [type, [...map].map(([key, r]) => [key, r.version])]);
  return { byType, services: [...services].sort(), problems };
}

/** Equal seeds give equal numbers (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function get({ resources }: Generated, typeUrl: string, name: string) {
  return resources.get(typeUrl)?.get(name);
}

describe('what a change costs', () => {
  test('a join in a service changes its endpoints for a consumer, and not one other object', () => {
    const before = generated(mesh, 'web1');
    const after = generated(step(mesh, { put: [x2] }), 'web1', before);
    expect(get(after, ENDPOINT, 'x')?.version).not.toBe(get(before, ENDPOINT, 'x')?.version);
    expect(get(after, ENDPOINT, 'y')).toBe(get(before, ENDPOINT, 'y'));
    for (const type of [CLUSTER, LISTENER, ROUTE])
      expect(after.resources.get(type)).toBe(before.resources.get(type));
  });

  test('a join elsewhere leaves a proxy with the very same configuration', () => {
    const before = generated(mesh, 'web1');
    const z = aDataplane({ name: 'z', service: 'z', address: '10.0.3.1' });
    expect(generated(step(mesh, { put: [z] }), 'web1', before).resources).toBe(before.resources);
  });

  test('a join in one subset of a service leaves the endpoints of another subset the same object', () => {
    const v = (n: string) => ({ 'kuma.io/service': 'v', version: n });
    const caller = aDataplane({ name: 'caller', outbound: { 9000: v('1'), 9001: v('2') } });
    const member = (name: string, address: string, version: string) =>
      aDataplane({ name, service: 'v', address, tags: { version } });
    const first = step(undefined, { put: [caller, member('v1', '10.0.5.1', '1')] });
    const before = generated(first, 'caller');
    const after = generated(step(first, { put: [member('v2', '10.0.5.2', '2')] }), 'caller', before);
    const assignments = (g: Generated) => [...(g.resources.get(ENDPOINT)?.values() ?? [])];
    const kept = assignments(after).filter((r) => assignments(before).includes(r));
    expect([kept.length, assignments(after).length]).toEqual([1, 2]);
  });

  test('a member that comes and goes brings back the same versions', () => {
    const before = generated(mesh, 'web1');
    const joined = step(mesh, { put: [x2] });
    const after = generated(step(joined, { remove: [x2] }), 'web1', generated(joined, 'web1', before));
    expect(get(after, ENDPOINT, 'x')?.version).toBe(get(before, ENDPOINT, 'x')?.version);
  });

  test('two proxies that call the same services share every resource but their inbound', () => {
    const one = generated(mesh, 'web1');
    const other = generated(mesh, 'web2');
    for (const type of [CLUSTER, ENDPOINT, ROUTE]) {
      for (const [name, resource] of one.resources.get(type) ?? [])
        expect(get(other, type, name)).toBe(resource);
    }
    const outbound = 'outbound:127.0.0.1:9000';
    expect(get(other, LISTENER, outbound)).toBe(get(one, LISTENER, outbound));
  });

  test('a moved outbound changes listeners only', () => {
    const before = generated(mesh, 'web1');
    const moved = aDataplane({ name: 'web1', outbound: { 9002: 'x', 9001: 'y' } });
    const after = generated(step(mesh, { put: [moved] }), 'web1', before);
    expect([...(after.resources.get(LISTENER)?.keys() ?? [])]).toEqual([
      'inbound:10.0.0.1:8080',
      'outbound:127.0.0.1:9001',
      'outbound:127.0.0.1:9002',
    ]);
    for (const type of [CLUSTER, ENDPOINT, ROUTE])
      expect(after.resources.get(type)).toBe(before.resources.get(type));
  });

  test('a TrafficRoute for an HTTP service changes its route and clusters, and no listener', () => {
    const before = generated(mesh, 'web1');
    const route = aResource({
      type: 'TrafficRoute',
      name: 'x',
      sources: [{ match: { 'kuma.io/service': '*' } }],
      destinations: [{ match: { 'kuma.io/service': 'x' } }],
      conf: { destination: { 'kuma.io/service': 'x', version: '1' } },
    });
    const after = generated(step(mesh, { put: [route] }), 'web1', before);
    expect(after.resources.get(LISTENER)).toBe(before.resources.get(LISTENER));
    expect(get(after, ROUTE, 'outbound:x')?.version).not.toBe(get(before, ROUTE, 'outbound:x')?.version);
    expect(get(after, CLUSTER, 'y')).toBe(get(before, CLUSTER, 'y'));
  });

  test('other weights of a TrafficRoute change one route, the same for all, and neither clusters nor endpoints', () => {
    const first = step(mesh, { put: [x2, splitOf(10)] });
    const before = [generated(first, 'web1'), generated(first, 'web2')] as const;
    const second = step(first, { put: [splitOf(20)] });
    const [one, other] = [generated(second, 'web1', before[0]), generated(second, 'web2', before[1])];
    for (const type of [CLUSTER, ENDPOINT, LISTENER])
      expect(one.resources.get(type)).toBe(before[0].resources.get(type));
    expect(one.services).toBe(before[0].services);
    expect(get(one, ROUTE, 'outbound:x')?.version).not.toBe(get(before[0], ROUTE, 'outbound:x')?.version);
    expect(get(other, ROUTE, 'outbound:x')).toBe(get(one, ROUTE, 'outbound:x'));
  });

  test('step by step it comes to the same as from nothing, whatever routes, members and outbounds came and went', () => {
    const random = randomFrom(7);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const callers = [
      { 9000: 'x', 9001: 'y' },
      { 9000: { 'kuma.io/service': 'x', version: '1' }, 9001: 'x', 9002: 'y' },
      { 9000: 'y', 9001: 'nobody' },
    ].map((outbound) => aDataplane({ name: 'caller', address: '10.0.9.9', outbound }));
    const members = [x1, x2, y1, aDataplane({ name: 'y2', service: 'y', address: '10.0.2.2', tags: http })];
    const routes = [0, 10, 100].flatMap((percent) => [splitOf(percent), splitOf(percent, 'y')]);
    let now = step(undefined, { put: [pick(callers), ...members] });
    let last = generated(now, 'caller');
    for (let i = 0; i < 400; i++) {
      const one = pick([...members, ...routes]);
      now = step(now, pick([{ put: [one] }, { remove: [one] }, { put: [pick(routes), pick(callers)] }]));
      last = generated(now, 'caller', last);
      expect(versionsOf(last)).toEqual(versionsOf(fromNothing(now, 'caller')));
    }
  });

  test('a first member that speaks HTTP turns the waiting TCP listener into an HTTP one', () => {
    const empty = step(undefined, { put: [web1] });
    const before = generated(empty, 'web1');
    expect(before.resources.get(ROUTE)?.size).toBe(0);
    const after = generated(step(empty, { put: [x1] }), 'web1', before);
    expect([...(after.resources.get(ROUTE)?.keys() ?? [])]).toEqual(['outbound:x']);
  });

  test('the only HTTP instance being out leaves the listener as it is', () => {
    const before = generated(mesh, 'web1');
    const after = generated(step(mesh, { liveness: { x1: 'out' } }), 'web1', before);
    expect(after.resources.get(LISTENER)).toBe(before.resources.get(LISTENER));
    expect(get(after, ENDPOINT, 'x')?.version).not.toBe(get(before, ENDPOINT, 'x')?.version);
  });
});

describe('a configuration that is made', () => {
  test('has all four types, empty ones too, for a proxy waits for each', () => {
    const idle = aDataplane({ name: 'idle' });
    const { resources } = generated(step(undefined, { put: [idle] }), 'idle');
    expect([...resources.keys()]).toEqual([CLUSTER, ENDPOINT, LISTENER, ROUTE]);
  });

  test('has an assignment for every cluster that waits for one, and a route for every listener', () => {
    const { resources } = generated(mesh, 'web1');
    expect([...(resources.get(ENDPOINT)?.keys() ?? [])]).toEqual(['x', 'y']);
    expect([...(resources.get(CLUSTER)?.keys() ?? [])]).toEqual(['localhost:8080', 'x', 'y']);
    expect([...(resources.get(ROUTE)?.keys() ?? [])]).toEqual(['outbound:x']);
  });

  test('names the services it depends on, unknown ones too', () => {
    const { services } = generated(step(undefined, { put: [web1] }), 'web1');
    expect([...services].sort()).toEqual(['x', 'y']);
  });

  test('has the same bytes whatever the order in which the mesh was built', () => {
    const other = step(step(undefined, { put: [y1, x2] }), { put: [x1, web1] });
    const one = generated(step(undefined, { put: [web1, x1, x2, y1] }), 'web1');
    const versions = (g: Generated) =>
      [...g.resources].map(([type, map]) => [type, [...map].map(([name, r]) => [name, r.version])]);
    expect(versions(generated(other, 'web1'))).toEqual(versions(one));
  });
});
