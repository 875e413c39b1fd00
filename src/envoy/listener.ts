import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '../proto/gen/envoy/config/core/v3/base_pb.js';
import type { Filter } from '../proto/gen/envoy/config/listener/v3/listener_components_pb.js';
import {
  type Listener,
  Listener_DrainType,
  ListenerSchema,
} from '../proto/gen/envoy/config/listener/v3/listener_pb.js';
import { tcpAddress } from './address.ts';

export interface ListenerParams {
  readonly name: string;
  /** Bound to exactly this address: many proxies share a host. */
  readonly address: string;
  readonly port: number;
  readonly direction: 'inbound' | 'outbound';
  readonly filters: readonly Filter[];
}

export function listener({ name, address, port, direction, filters }: ListenerParams): Listener {
  const inbound = direction === 'inbound';
  return create(ListenerSchema, {
    name,
    address: tcpAddress(address, port),
    filterChains: [{ filters: [...filters] }],
    trafficDirection: inbound ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    // A proxy that is failed on purpose (`/healthcheck/fail`) sheds the connections of its callers; the application's own
    // calls go on until it has finished its work.
    drainType: inbound ? Listener_DrainType.DEFAULT : Listener_DrainType.MODIFY_ONLY,
  });
}
