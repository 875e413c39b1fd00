import { create } from '@bufbuild/protobuf';
import { type Address, AddressSchema } from '../proto/gen/envoy/config/core/v3/address_pb.js';

/** A TCP address. `address` must be a literal IP: Envoy refuses names in endpoints and listeners. */
export function tcpAddress(address: string, port: number): Address {
  return create(AddressSchema, {
    address: {
      case: 'socketAddress',
      value: { address, portSpecifier: { case: 'portValue', value: port } },
    },
  });
}
