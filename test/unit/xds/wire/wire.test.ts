import { create, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DeltaDiscoveryResponseSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../../../src/proto/gen/envoy/service/discovery/v3/discovery_pb.js';
import { makeXdsResource } from '../../../../src/xds/resource.ts';
import { encodeDeltaResponse, encodeSotwResponse } from '../../../../src/xds/wire/response.ts';
import { readFields, readPath, text, WireError, WireWriter } from '../../../../src/xds/wire/wire.ts';

const bytes = fc.uint8Array({ maxLength: 400 });

describe('hand framing', () => {
  test('a resource is wrapped into the very bytes protobuf-es would write', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), bytes, (typeUrl, name, message) => {
        const resource = makeXdsResource(typeUrl, name, message);
        const any = create(AnySchema, { typeUrl, value: message });
        const whole = create(ResourceSchema, { name, version: resource.version, resource: any });
        expect(Buffer.from(resource.any)).toEqual(Buffer.from(toBinary(AnySchema, any)));
        expect(Buffer.from(resource.framed)).toEqual(Buffer.from(toBinary(ResourceSchema, whole)));
      }),
    );
  });

  test('responses of both variants are the bytes protobuf-es would write', () => {
    const parts = fc.array(fc.tuple(fc.string(), bytes), { maxLength: 5 });
    fc.assert(
      fc.property(parts, fc.array(fc.string(), { maxLength: 5 }), fc.string(), (list, removed, nonce) => {
        const resources = list.map(([name, message]) => makeXdsResource('t', name, message));
        const anys = list.map(([, message]) => create(AnySchema, { typeUrl: 't', value: message }));
        const response = { typeUrl: 't', nonce, version: 'v', resources, removed };
        const delta = create(DeltaDiscoveryResponseSchema, {
          typeUrl: 't',
          nonce,
          removedResources: removed,
          resources: resources.map(({ name, version }, i) => ({ name, version, ...optional(anys[i]) })),
        });
        const sotw = create(DiscoveryResponseSchema, {
          typeUrl: 't',
          nonce,
          versionInfo: 'v',
          resources: anys,
        });
        expect(sorted(encodeDeltaResponse(response))).toEqual(
          sorted(Buffer.from(toBinary(DeltaDiscoveryResponseSchema, delta))),
        );
        expect(encodeSotwResponse(response)).toEqual(Buffer.from(toBinary(DiscoveryResponseSchema, sotw)));
      }),
    );
  });

  test('lengths and numbers beyond one byte are written and read back', () => {
    const long = new Uint8Array(300_000).fill(7);
    const written = new WireWriter()
      .bytes(100, long)
      .varint(2, 2 ** 40)
      .finish();
    expect([...readFields(written)]).toEqual([
      { number: 100, type: 'bytes', value: Buffer.from(long) },
      { number: 2, type: 'varint', value: 2 ** 40 },
    ]);
  });
});

describe('reading', () => {
  test('a path finds every value through repeated sub-messages', () => {
    const inner = (name: string) => new WireWriter().string(2, name).finish();
    const outer = new WireWriter().message(5, inner('a')).string(1, 'x').message(5, inner('b')).finish();
    expect([...readPath(outer, [5, 2])].map(text)).toEqual(['a', 'b']);
  });

  test('truncated or malformed bytes are refused with a WireError and never read past the end', () => {
    for (const bad of [
      [0x0a],
      [0x0a, 5, 1],
      [0x80],
      [0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
      [0x0b],
      [2, 0],
    ]) {
      expect(() => [...readFields(Uint8Array.from(bad))]).toThrow(WireError);
    }
    fc.assert(
      fc.property(fc.uint8Array(), (any) => {
        try {
          for (const field of readFields(any)) expect(field.number).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
    );
  });
});

function optional<T>(resource: T | undefined): { resource: T } | object {
  return resource === undefined ? {} : { resource };
}

/** Fields in wire order differ between writers only in where `removed_resources` stands. */
function sorted(message: Buffer): unknown[] {
  return [...readFields(message)]
    .map((field) => ({ ...field, value: Buffer.from(field.value as Uint8Array) }))
    .sort((a, b) => a.number - b.number);
}
