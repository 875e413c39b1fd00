import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import {
  type InboundInterface,
  parseInboundInterface,
  parseOutboundInterface,
} from '../../model/dialect/interface.ts';

/** Where Envoy would listen for a Dataplane, and where its application does. */
export interface Place {
  readonly kind: 'inbound' | 'outbound' | 'admin' | 'service';
  readonly address: string;
  readonly port: number;
  /** `networking.inbound[0]`. */
  readonly field: string;
}

/** Reads both dialects. What cannot be read is left to the control plane, which says what is wrong with it. */
export function readPlaces(dataplane: JsonObject): readonly Place[] {
  const networking = isJsonObject(dataplane.networking) ? dataplane.networking : {};
  const address = textOf(networking.address) ?? '';
  return [
    ...itemsOf(networking.inbound).flatMap((inbound, i) => readInbound(inbound, address, i)),
    ...itemsOf(networking.outbound).flatMap((outbound, i) => readOutbound(outbound, i)),
    ...readAdmin(networking.admin),
  ];
}

function readInbound(inbound: JsonObject, address: string, index: number): readonly Place[] {
  const field = `networking.inbound[${index}]`;
  const old = readOld(inbound.interface);
  const port = old?.dataplanePort ?? portOf(inbound.port);
  const ip = old?.ip ?? textOf(inbound.address) ?? address;
  if (port === undefined || ip === '') return [];
  const servicePort = old?.workloadPort ?? portOf(inbound.servicePort) ?? port;
  const serviceAddress = textOf(inbound.serviceAddress) ?? '127.0.0.1';
  return [
    { kind: 'inbound', address: ip, port, field },
    { kind: 'service', address: serviceAddress, port: servicePort, field },
  ];
}

function readOld(text: Json | undefined): InboundInterface | undefined {
  const read = typeof text === 'string' ? parseInboundInterface(text) : undefined;
  return read?.ok === true ? read.value : undefined;
}

function readOutbound(outbound: JsonObject, index: number): readonly Place[] {
  const field = `networking.outbound[${index}]`;
  const old = typeof outbound.interface === 'string' ? parseOutboundInterface(outbound.interface) : undefined;
  if (old?.ok === true)
    return [{ kind: 'outbound', address: old.value.ip ?? '127.0.0.1', port: old.value.port, field }];
  const port = portOf(outbound.port);
  return port === undefined
    ? []
    : [{ kind: 'outbound', address: textOf(outbound.address) ?? '127.0.0.1', port, field }];
}

function readAdmin(admin: Json | undefined): readonly Place[] {
  const port = isJsonObject(admin) ? portOf(admin.port) : undefined;
  return port === undefined ? [] : [{ kind: 'admin', address: '127.0.0.1', port, field: 'networking.admin' }];
}

function itemsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function portOf(value: Json | undefined): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535
    ? value
    : undefined;
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
