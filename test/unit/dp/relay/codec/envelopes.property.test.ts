import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resourceOfAny } from '../../../../../src/dp/relay/codec/any.ts';
import {
  decodeDeltaRequest,
  decodeDeltaResponse,
  encodeDeltaRequest,
  encodeDeltaResponse,
} from '../../../../../src/dp/relay/codec/delta.ts';
import {
  decodeSotwRequest,
  decodeSotwResponse,
  encodeSotwRequest,
  encodeSotwResponse,
} from '../../../../../src/dp/relay/codec/sotw.ts';
import { encodeStatus, statusMessage } from '../../../../../src/dp/relay/codec/status.ts';
import { WireError } from '../../../../../src/dp/relay/codec/wire.ts';
import { NodeSchema } from '../../../../../src/proto/gen/envoy/config/core/v3/base_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../../../../src/proto/gen/envoy/service/discovery/v3/discovery_pb.js';
import { StatusSchema } from '../../../../../src/proto/gen/google/rpc/status_pb.js';

const RUNS = { numRuns: 300 };
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const texts = fc.array(text, { maxLength: 5 });
const bytes = fc.uint8Array({ maxLength: 40 });
const any = fc.record({ typeUrl: text, value: bytes });
const status = fc.record({ code: fc.integer({ min: 0, max: 16 }), message: text });
const node = fc.record({ id: text, cluster: text, userAgentName: text });
const resource = fc.record({
  name: text,
  version: text,
  resource: any,
  aliases: texts,
  ttl: fc.option(fc.record({ seconds: fc.bigInt(0n, 99n), nanos: fc.nat(999) }), { nil: undefined }),
});

const sotwRequest = fc
  .record({
    versionInfo: text,
    node,
    resourceNames: texts,
    typeUrl: text,
    responseNonce: text,
    errorDetail: status,
  })
  .map((fields) => create(DiscoveryRequestSchema, fields));
const sotwResponse = fc
  .record({
    versionInfo: text,
    resources: fc.array(any, { maxLength: 4 }),
    canary: fc.boolean(),
    typeUrl: text,
    nonce: text,
    controlPlane: fc.record({ identifier: text }),
  })
  .map((fields) => create(DiscoveryResponseSchema, fields));
const deltaRequest = fc
  .record({
    node,
    typeUrl: text,
    resourceNamesSubscribe: texts,
    resourceNamesUnsubscribe: texts,
    initialResourceVersions: fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      text,
      { maxKeys: 4 },
    ),
    responseNonce: text,
    errorDetail: status,
  })
  .map((fields) => create(DeltaDiscoveryRequestSchema, fields));
const deltaResponse = fc
  .record({
    systemVersionInfo: text,
    resources: fc.array(resource, { maxLength: 4 }),
    typeUrl: text,
    removedResources: texts,
    nonce: text,
    controlPlane: fc.record({ identifier: text }),
  })
  .map((fields) => create(DeltaDiscoveryResponseSchema, fields));

describe('the envelopes of discovery, against the generated types', () => {
  test('a DiscoveryRequest is read exactly and passes through unchanged', () => {
    fc.assert(
      fc.property(sotwRequest, (message) => {
        const read = decodeSotwRequest(toBinary(DiscoveryRequestSchema, message));
        expect(read).toMatchObject({
          versionInfo: message.versionInfo,
          resourceNames: message.resourceNames,
          typeUrl: message.typeUrl,
          responseNonce: message.responseNonce,
        });
        expect(fromBinary(NodeSchema, read.node ?? new Uint8Array())).toEqual(message.node);
        expect(statusMessage(read.errorDetail ?? new Uint8Array())).toBe(message.errorDetail?.message);
        expect(fromBinary(DiscoveryRequestSchema, Uint8Array.from(encodeSotwRequest(read)))).toEqual(message);
      }),
      RUNS,
    );
  });

  test('a DiscoveryResponse is read exactly and passes through with what the codec does not know', () => {
    fc.assert(
      fc.property(sotwResponse, (message) => {
        const read = decodeSotwResponse(toBinary(DiscoveryResponseSchema, message));
        expect(read).toMatchObject({
          versionInfo: message.versionInfo,
          typeUrl: message.typeUrl,
          nonce: message.nonce,
        });
        expect(read.resources).toHaveLength(message.resources.length);
        expect(fromBinary(DiscoveryResponseSchema, Uint8Array.from(encodeSotwResponse(read)))).toEqual(
          message,
        );
      }),
      RUNS,
    );
  });

  test('a DeltaDiscoveryRequest is read exactly and passes through unchanged', () => {
    fc.assert(
      fc.property(deltaRequest, (message) => {
        const read = decodeDeltaRequest(toBinary(DeltaDiscoveryRequestSchema, message));
        expect(read).toMatchObject({
          typeUrl: message.typeUrl,
          subscribe: message.resourceNamesSubscribe,
          unsubscribe: message.resourceNamesUnsubscribe,
          responseNonce: message.responseNonce,
        });
        expect(Object.fromEntries(read.initialVersions)).toEqual({ ...message.initialResourceVersions });
        expect(fromBinary(DeltaDiscoveryRequestSchema, Uint8Array.from(encodeDeltaRequest(read)))).toEqual(
          message,
        );
      }),
      RUNS,
    );
  });

  test('a DeltaDiscoveryResponse is read exactly and passes through with lives and aliases of its resources', () => {
    fc.assert(
      fc.property(deltaResponse, (message) => {
        const read = decodeDeltaResponse(toBinary(DeltaDiscoveryResponseSchema, message));
        expect(read).toMatchObject({
          typeUrl: message.typeUrl,
          removed: message.removedResources,
          nonce: message.nonce,
        });
        expect(read.resources.map(({ name, version }) => [name, version])).toEqual(
          message.resources.map(({ name, version }) => [name, version]),
        );
        expect(fromBinary(DeltaDiscoveryResponseSchema, Uint8Array.from(encodeDeltaResponse(read)))).toEqual(
          message,
        );
      }),
      RUNS,
    );
  });

  test('a status is written so that the generated type reads it', () => {
    fc.assert(
      fc.property(status, ({ code, message }) => {
        expect(fromBinary(StatusSchema, Uint8Array.from(encodeStatus(code, message)))).toMatchObject({
          code,
          message,
        });
      }),
      RUNS,
    );
  });

  test('hostile bytes are refused with one kind of error or read as something, and never crash', () => {
    const readers = [
      decodeSotwRequest,
      decodeSotwResponse,
      decodeDeltaRequest,
      decodeDeltaResponse,
      resourceOfAny,
      statusMessage,
    ];
    const mutated = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(deltaResponse, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
        const encoded = toBinary(DeltaDiscoveryResponseSchema, message);
        if (encoded.length > 0) encoded[at % encoded.length] = byte;
        return encoded;
      }),
    );
    fc.assert(
      fc.property(mutated, (input) => {
        for (const read of readers) {
          try {
            read(input);
          } catch (error) {
            expect(error).toBeInstanceOf(WireError);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('a resource that SotW wraps to give it a time to live comes out under its own name', () => {
    const inner = { typeUrl: 'type.googleapis.com/x.Y', value: Uint8Array.from([0x0a, 1, 0x61]) };
    const wrapped = toBinary(
      ResourceSchema,
      create(ResourceSchema, { name: 'a', resource: inner, ttl: { seconds: 9n } }),
    );
    const any = toBinary(
      DiscoveryResponseSchema,
      create(DiscoveryResponseSchema, {
        resources: [{ typeUrl: 'type.googleapis.com/envoy.service.discovery.v3.Resource', value: wrapped }],
      }),
    );
    const [only = new Uint8Array()] = decodeSotwResponse(any).resources;
    const resource = resourceOfAny(only);
    expect(resource.name).toBe('a');
    expect(resource.rest.length).toBeGreaterThan(0);
  });
});
