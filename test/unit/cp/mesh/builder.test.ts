import { describe, expect, test } from 'vitest';
import type { MeshSnapshot } from '../../../../src/cp/mesh/snapshot.ts';
import { aDataplane, aResource, step } from '../../../support/mesh-fixture.ts';

const a1 = aDataplane({ name: 'a1', service: 'a', address: '10.0.0.2' });
const a2 = aDataplane({ name: 'a2', service: 'a', address: '10.0.0.1' });
const b1 = aDataplane({ name: 'b1', service: 'b', address: '10.0.0.3' });

function endpoints(snapshot: MeshSnapshot, service: string) {
  return snapshot.services.get(service)?.endpoints.map((e) => `${e.address}:${e.port} ${e.health}`);
}

describe('the snapshot of a mesh', () => {
  test('lists the endpoints of a service by address, whatever the order of joining', () => {
    const one = step(step(undefined, { put: [a1] }), { put: [a2, b1] });
    const other = step(undefined, { put: [b1, a2, a1] });
    expect(endpoints(one, 'a')).toEqual(['10.0.0.1:8080 healthy', '10.0.0.2:8080 healthy']);
    expect(other.services).toEqual(one.services);
  });

  test('keeps the identity of everything that a join in another service does not touch', () => {
    const before = step(undefined, { put: [a1, b1] });
    const after = step(before, { put: [a2] });
    expect(after.services.get('b')).toBe(before.services.get('b'));
    expect(after.dataplanes.get('a1')).toBe(before.dataplanes.get('a1'));
    expect(after.policies).toBe(before.policies);
    expect(after.mesh).toBe(before.mesh);
    expect(after.services.get('a')).not.toBe(before.services.get('a'));
  });

  test('does not alter the snapshot before it', () => {
    const before = step(undefined, { put: [a1, b1] });
    step(before, { put: [a2], remove: [b1], liveness: { a1: 'out' } });
    expect(endpoints(before, 'a')).toEqual(['10.0.0.2:8080 healthy']);
    expect([...before.dataplanes.keys()]).toEqual(['a1', 'b1']);
  });

  test('is the same in all its parts after a write that changes nothing', () => {
    const before = step(undefined, { put: [a1, b1] });
    const after = step(before, { put: [{ ...structuredClone(a1), revision: 9 }] });
    expect(after.dataplanes).toBe(before.dataplanes);
    expect(after.services).toBe(before.services);
  });

  test('keeps the list of endpoints when a change of a proxy leaves its inbound alone', () => {
    const before = step(undefined, { put: [a1] });
    const changed = aDataplane({ name: 'a1', service: 'a', address: '10.0.0.2', outbound: { 9000: 'b' } });
    const after = step(before, { put: [changed] });
    expect(after.dataplanes.get('a1')).not.toBe(before.dataplanes.get('a1'));
    expect(after.services.get('a')).toBe(before.services.get('a'));
  });

  test('moves a proxy from one service to another', () => {
    const before = step(undefined, { put: [a1, a2] });
    const after = step(before, { put: [aDataplane({ name: 'a1', service: 'c', address: '10.0.0.2' })] });
    expect(endpoints(after, 'a')).toEqual(['10.0.0.1:8080 healthy']);
    expect(endpoints(after, 'c')).toEqual(['10.0.0.2:8080 healthy']);
  });

  test('has a lost proxy as degraded, one that is out not at all, and takes both back', () => {
    const before = step(undefined, { put: [a1, a2] });
    const lost = step(before, { liveness: { a1: 'degraded' } });
    expect(endpoints(lost, 'a')).toEqual(['10.0.0.1:8080 healthy', '10.0.0.2:8080 degraded']);
    const out = step(lost, { liveness: { a1: 'out' } });
    expect(endpoints(out, 'a')).toEqual(['10.0.0.1:8080 healthy']);
    const back = step(out, { livenessChanged: ['a1'] });
    expect(endpoints(back, 'a')).toEqual(endpoints(before, 'a'));
  });

  test('takes a liveness that was told before the proxy was there', () => {
    const snapshot = step(step(undefined, { liveness: { a1: 'out' } }), {
      put: [a1],
      liveness: { a1: 'out' },
    });
    expect(endpoints(snapshot, 'a')).toEqual([]);
  });

  test('remembers the protocol of a service whose only instance is out, and forgets it with the last proxy', () => {
    const web = aDataplane({ name: 'web', service: 'web', tags: { 'kuma.io/protocol': 'http' } });
    const out = step(step(undefined, { put: [web] }), { liveness: { web: 'out' } });
    expect(out.services.get('web')).toMatchObject({ protocol: 'http', endpoints: [] });
    expect(step(out, { remove: [web] }).services.has('web')).toBe(false);
  });

  test('speaks TCP to a service whose instances do not agree', () => {
    const http = aDataplane({ name: 'w1', service: 'w', tags: { 'kuma.io/protocol': 'http' } });
    const plain = aDataplane({ name: 'w2', service: 'w', address: '10.0.0.9' });
    const both = step(step(undefined, { put: [http] }), { put: [plain] });
    expect(both.services.get('w')?.protocol).toBe('tcp');
    expect(step(both, { remove: [plain] }).services.get('w')?.protocol).toBe('http');
  });

  test.each([
    [{ state: 'NotReady' }, []],
    [{ state: 'Ready' }, ['10.0.0.1:80 healthy']],
    [{ health: { ready: false } }, []],
  ])('offers an inbound with %j as %j', (extra, expected) => {
    const dataplane = aResource({
      type: 'Dataplane',
      name: 'x',
      networking: {
        address: '10.0.0.1',
        inbound: [{ port: 80, servicePort: 81, tags: { 'kuma.io/service': 'x' }, ...extra }],
      },
    });
    expect(endpoints(step(undefined, { put: [dataplane] }), 'x')).toEqual(expected);
  });

  test('has policies of a type sorted by name, and keeps lists of other types', () => {
    const route = (name: string) =>
      aResource({
        type: 'TrafficRoute',
        name,
        sources: [{ match: { 'kuma.io/service': '*' } }],
        destinations: [{ match: { 'kuma.io/service': '*' } }],
        conf: { destination: { 'kuma.io/service': '*' } },
      });
    const before = step(undefined, { put: [route('b'), a1, route('c')] });
    const after = step(before, { put: [route('a')], remove: [route('c')] });
    expect(after.policies.get('TrafficRoute')?.map((r) => r.key.name)).toEqual(['a', 'b']);
    expect(step(after, { put: [b1] }).policies.get('TrafficRoute')).toBe(after.policies.get('TrafficRoute'));
  });
});
