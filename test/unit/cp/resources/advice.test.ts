import { describe, expect, test } from 'vitest';
import { createAdvise } from '../../../../src/cp/resources/advice.ts';
import type { ResourceReader } from '../../../../src/cp/resources/rules.ts';
import type { Resource } from '../../../../src/model/resource.ts';

const resource = (type: string, name: string, spec: unknown, mesh = 'bookinfo'): Resource => ({
  key: { type, mesh, name },
  labels: {},
  creationTime: '',
  modificationTime: '',
  revision: 1,
  spec,
});

const advise = (about: Resource, reader: ResourceReader) =>
  createAdvise({ list: (query) => reader.list(query), subscribe: () => () => {} })(about, reader);

const dataplane = (name: string, networking: object, mesh = 'bookinfo') =>
  resource('Dataplane', name, { networking: { address: '10.0.0.1', ...networking } }, mesh);

const inbound = (port: number, tags: object = {}, more: object = {}) => ({
  port,
  tags: { 'kuma.io/service': 'x', ...tags },
  ...more,
});

function readerOf(...all: Resource[]): ResourceReader {
  return {
    get: async () => undefined,
    list: async ({ type, mesh }) =>
      all.filter(({ key }) => key.type === type && (mesh === undefined || key.mesh === mesh)),
  };
}

describe('a Dataplane', () => {
  test('that claims the inbound of another one, of any mesh, is told of it', async () => {
    const mine = dataplane('mine', { inbound: [inbound(8080)] });
    const theirs = dataplane('theirs', { inbound: [inbound(9090), inbound(8080)] }, 'other');
    expect(await advise(mine, readerOf(mine, theirs))).toEqual([
      'networking.inbound[0]: 10.0.0.1:8080 is also claimed by Dataplane "theirs" of mesh "other" (networking.inbound[1]); only one of the two can listen there',
    ]);
  });

  test('that is applied again does not clash with itself', async () => {
    const mine = dataplane('mine', { inbound: [inbound(8080)] });
    expect(await advise(mine, readerOf(mine))).toEqual([]);
  });

  test('whose outbound takes the inbound of a neighbour on the same host is told of it', async () => {
    const mine = dataplane('mine', { address: '127.0.0.1', outbound: [{ port: 10001, tags: {} }] });
    const theirs = dataplane('theirs', { address: '127.0.0.1', inbound: [inbound(10001)] });
    expect(await advise(mine, readerOf(mine, theirs))).toEqual([
      expect.stringContaining('networking.outbound[0]: 127.0.0.1:10001'),
    ]);
  });

  test('may use the same loopback port as a proxy on another host', async () => {
    const mine = dataplane('mine', { outbound: [{ port: 10001, tags: {} }] });
    const theirs = dataplane('theirs', { address: '10.0.0.2', outbound: [{ port: 10001, tags: {} }] });
    expect(await advise(mine, readerOf(mine, theirs))).toEqual([]);
  });

  test('may use the same port on another address', async () => {
    const mine = dataplane('mine', { inbound: [inbound(8080)] });
    const theirs = dataplane('theirs', { inbound: [inbound(8080, {}, { address: '10.0.0.7' })] });
    expect(await advise(mine, readerOf(mine, theirs))).toEqual([]);
  });

  test('whose own outbounds clash is told which', async () => {
    const mine = dataplane('mine', {
      outbound: [
        { port: 1000, tags: {} },
        { port: 1001, tags: {} },
        { port: 1000, address: '127.0.0.1', tags: {} },
      ],
    });
    expect(await advise(mine, readerOf(mine))).toEqual([
      'networking.outbound[2]: 127.0.0.1:1000 is already taken by networking.outbound[0] of the same Dataplane',
    ]);
  });

  test('prints an IPv6 claim so that address and port can be told apart', async () => {
    const mine = dataplane('mine', { address: 'fd00::1', inbound: [inbound(80)] });
    const theirs = dataplane('theirs', { address: 'fd00::1', inbound: [inbound(80)] });
    expect((await advise(mine, readerOf(mine, theirs)))[0]).toContain('[fd00::1]:80 is also claimed');
  });
});

describe('a TrafficRoute', () => {
  const v1 = dataplane('reviews-v1', {
    inbound: [inbound(1, { 'kuma.io/service': 'reviews', version: 'v1' })],
  });
  const gateway = dataplane('edge', { gateway: { tags: { 'kuma.io/service': 'edge' } } });
  const elsewhere = dataplane(
    'backend',
    { inbound: [inbound(1, { 'kuma.io/service': 'backend', version: 'v3' })] },
    'other',
  );
  const route = (conf: object) => resource('TrafficRoute', 'r', { sources: [], destinations: [], conf });
  const to = (destination: object) => ({ weight: 1, destination });
  const adviceFor = (conf: object) => advise(route(conf), readerOf(v1, gateway, elsewhere));

  test('to a service nobody of the mesh offers is told which destination that is', async () => {
    const split = [
      to({ 'kuma.io/service': 'reviews', version: 'v1' }),
      to({ 'kuma.io/service': 'reviews', version: 'v2' }),
      to({ 'kuma.io/service': 'backend', version: 'v3' }),
    ];
    expect(await adviceFor({ split })).toEqual([
      'conf.split[1].destination: no data plane proxy has kuma.io/service=reviews version=v2',
      'conf.split[2].destination: no data plane proxy has kuma.io/service=backend version=v3',
    ]);
  });

  test('is looked through down to its HTTP rules', async () => {
    const http = [
      { match: {}, destination: { 'kuma.io/service': 'a' } },
      { match: {}, split: [to({ 'kuma.io/service': 'b' })] },
    ];
    expect(await adviceFor({ destination: { 'kuma.io/service': 'c' }, http })).toEqual([
      'conf.destination: no data plane proxy has kuma.io/service=c',
      'conf.http[0].destination: no data plane proxy has kuma.io/service=a',
      'conf.http[1].split[0].destination: no data plane proxy has kuma.io/service=b',
    ]);
  });

  test('to any service and to gateways is fine when there is one', async () => {
    const any = { 'kuma.io/service': '*' };
    expect(await adviceFor({ split: [to(any), to({ 'kuma.io/service': 'edge' })] })).toEqual([]);
    expect(await adviceFor({ destination: { 'kuma.io/service': '*', version: '*' } })).toEqual([]);
    expect(await adviceFor({ destination: { colour: '*' } })).toHaveLength(1);
  });
});
