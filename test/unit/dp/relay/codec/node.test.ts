import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { withNodeMetadata } from '../../../../../src/dp/relay/codec/node.ts';
import { WireError } from '../../../../../src/dp/relay/codec/wire.ts';
import { NodeSchema } from '../../../../../src/proto/gen/envoy/config/core/v3/base_pb.js';

const KEY = 'dataplane.resource';
const encode = (metadata: Record<string, string | number | object>) =>
  toBinary(
    NodeSchema,
    create(NodeSchema, {
      id: 'default.web',
      cluster: 'web',
      metadata: metadata as never,
      userAgentName: 'envoy',
      clientFeatures: ['a', 'b'],
    }),
  );
const decode = (bytes: Uint8Array) => fromBinary(NodeSchema, bytes);

describe('withNodeMetadata', () => {
  test('replaces the text of one key and leaves everything else of the node as it is', () => {
    const before = encode({ [KEY]: '{"old":true}', port: '1', nested: { [KEY]: 'stays' } });
    const { metadata, $unknown, ...rest } = decode(withNodeMetadata(before, KEY, '{"né":1}'));
    expect(metadata).toEqual({ [KEY]: '{"né":1}', port: '1', nested: { [KEY]: 'stays' } });
    expect($unknown).toBeUndefined();
    const { metadata: _before, ...same } = decode(before);
    expect(rest).toEqual(same);
  });

  test('adds the key to metadata that lacks it, and to a node without any', () => {
    expect(decode(withNodeMetadata(encode({ a: 'b' }), KEY, 'x')).metadata).toEqual({ a: 'b', [KEY]: 'x' });
    const bare = toBinary(NodeSchema, create(NodeSchema, { id: 'm.n' }));
    const { id, metadata } = decode(withNodeMetadata(bare, KEY, 'x'));
    expect({ id, metadata }).toEqual({ id: 'm.n', metadata: { [KEY]: 'x' } });
  });

  test('refuses bytes that are no node', () => {
    expect(() => withNodeMetadata(Uint8Array.of(0x0a, 0x7f), KEY, 'x')).toThrow(WireError);
  });
});
