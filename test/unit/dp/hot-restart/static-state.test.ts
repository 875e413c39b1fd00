import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { encodeStaticState } from '../../../../src/dp/hot-restart/static-state.ts';
import { BootstrapSchema } from '../../../../src/proto/gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { ClusterSchema } from '../../../../src/proto/gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '../../../../src/proto/gen/envoy/config/listener/v3/listener_pb.js';

const listener = (name: string) => ({
  typeUrl: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  name,
  bytes: toBinary(ListenerSchema, create(ListenerSchema, { name })),
});
const cluster = (name: string) => ({
  typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  name,
  bytes: toBinary(ClusterSchema, create(ClusterSchema, { name })),
});

test('opaque resources come out as static ones of a bootstrap, by their kinds', () => {
  const long = 'x'.repeat(300);
  const { staticResources } = fromBinary(
    BootstrapSchema,
    encodeStaticState([listener('a'), cluster('b'), listener(long), cluster('c')]),
  );
  expect(staticResources?.listeners.map(({ name }) => name)).toEqual(['a', long]);
  expect(staticResources?.clusters.map(({ name }) => name)).toEqual(['b', 'c']);
});

test('what cannot be static is left out', () => {
  const route = {
    typeUrl: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: 'r',
    bytes: Buffer.from('r'),
  };
  const bootstrap = fromBinary(BootstrapSchema, encodeStaticState([route]));
  expect(bootstrap.staticResources?.listeners).toEqual([]);
});
