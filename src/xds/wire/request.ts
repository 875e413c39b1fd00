import { fromBinary } from '@bufbuild/protobuf';
import type { Node } from '../../proto/gen/envoy/config/core/v3/base_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.js';
import type { DeltaRequest } from '../delta.ts';
import { ProtocolError } from '../machine.ts';
import type { XdsNode } from '../node.ts';
import type { SotwRequest } from '../sotw.ts';

/** A request and who sent it; `node` comes in the first request of a stream at least. */
export interface Decoded<Request> {
  readonly node: XdsNode | undefined;
  readonly request: Request;
}

/** Throws ProtocolError on bytes that are no DeltaDiscoveryRequest. */
export function decodeDeltaRequest(bytes: Uint8Array): Decoded<DeltaRequest> {
  return guarded('DeltaDiscoveryRequest', () => {
    const message = fromBinary(DeltaDiscoveryRequestSchema, bytes);
    return {
      node: toXdsNode(message.node),
      request: {
        typeUrl: message.typeUrl,
        subscribe: message.resourceNamesSubscribe,
        unsubscribe: message.resourceNamesUnsubscribe,
        initialVersions: new Map(Object.entries(message.initialResourceVersions)),
        nonce: message.responseNonce,
        error: message.errorDetail?.message,
      },
    };
  });
}

/** Throws ProtocolError on bytes that are no DiscoveryRequest. */
export function decodeSotwRequest(bytes: Uint8Array): Decoded<SotwRequest> {
  return guarded('DiscoveryRequest', () => {
    const message = fromBinary(DiscoveryRequestSchema, bytes);
    return {
      node: toXdsNode(message.node),
      request: {
        typeUrl: message.typeUrl,
        names: message.resourceNames,
        version: message.versionInfo,
        nonce: message.responseNonce,
        error: message.errorDetail?.message,
      },
    };
  });
}

/** Whatever the decoder throws at hostile bytes (bad varints, bad UTF-8, nesting deeper than the stack) ends here. */
function guarded<T>(messageName: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProtocolError('INVALID_ARGUMENT', `malformed ${messageName}: ${reason}`);
  }
}

function toXdsNode(node: Node | undefined): XdsNode | undefined {
  if (node === undefined) return undefined;
  const build = node.userAgentVersionType;
  const version = build.case === 'userAgentBuildVersion' ? build.value.version : undefined;
  return {
    id: node.id,
    cluster: node.cluster,
    metadata: node.metadata ?? {},
    userAgentName: node.userAgentName,
    envoyVersion:
      version === undefined ? '' : `${version.majorNumber}.${version.minorNumber}.${version.patch}`,
  };
}
