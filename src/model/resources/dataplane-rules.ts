import { isIP } from 'node:net';
import { checkHost, checkIp, checkPort, isDomainName, LOOPBACK } from '../address-rules.ts';
import { NO_EFFECT, type Notes } from '../shape/notes.ts';
import { checkDestinationTags, checkProtocol, checkServingTags } from '../tag-rules.ts';
import type { DataplaneSpec, Inbound, Networking, Outbound } from './dataplane-spec.ts';

const BACKEND_KINDS = ['MeshService', 'MeshExternalService', 'MeshMultiZoneService'];

export function checkDataplane(spec: DataplaneSpec, notes: Notes): void {
  const { networking } = spec;
  checkHost(networking.address, 'networking.address', notes);
  checkAdvertisedAddress(networking.advertisedAddress, notes);
  checkGateway(networking, notes);
  networking.inbound?.forEach((inbound, i) => {
    checkInbound(inbound, networking, { at: `networking.inbound[${i}]`, notes });
  });
  networking.outbound?.forEach((outbound, i) => {
    checkOutbound(outbound, `networking.outbound[${i}]`, notes);
  });
  checkAdminPort(networking, notes);
  warnOfSharedListeners(networking, notes);
  if (networking.transparentProxying !== undefined) notes.warn('networking.transparentProxying', NO_EFFECT);
  if (spec.metrics !== undefined) notes.warn('metrics', NO_EFFECT);
  if (spec.probes !== undefined) notes.warn('probes', NO_EFFECT);
}

/** Address that Envoy binds for an inbound. */
export function inboundAddress(networking: Networking, inbound: Inbound): string {
  return inbound.address ?? networking.address;
}

/** Where Envoy forwards what an inbound receives. */
export function serviceTarget(inbound: Inbound): { readonly address: string; readonly port: number } {
  return { address: inbound.serviceAddress ?? LOOPBACK, port: inbound.servicePort ?? inbound.port };
}

// 2.14 accepts a bad advertisedAddress, so this is a warning.
function checkAdvertisedAddress(address: string | undefined, notes: Notes): void {
  if (address === undefined || isIP(address) !== 0 || isDomainName(address)) return;
  notes.warn(
    'networking.advertisedAddress',
    `"${address}" is no IP address and no domain name: peers cannot dial it`,
  );
}

function checkGateway({ gateway, inbound }: Networking, notes: Notes): void {
  if (gateway === undefined) return;
  const kind = gateway.type === 'BUILTIN' ? 'builtin' : 'delegated';
  if (inbound !== undefined)
    notes.violate('networking.inbound', `inbound cannot be defined for ${kind} gateways`);
  if (gateway.type === 'BUILTIN') notes.warn('networking.gateway.type', NO_EFFECT);
  checkServingTags(gateway.tags, 'networking.gateway.tags', notes);
}

interface Place {
  readonly at: string;
  readonly notes: Notes;
}

function checkInbound(inbound: Inbound, networking: Networking, { at, notes }: Place): void {
  checkPort(inbound.port, `${at}.port`, notes);
  if (inbound.servicePort !== undefined) checkPort(inbound.servicePort, `${at}.servicePort`, notes);
  checkIp(inbound.address, `${at}.address`, notes);
  checkIp(inbound.serviceAddress, `${at}.serviceAddress`, notes);
  checkProtocol(inbound.protocol, `${at}.protocol`, notes);
  const target = serviceTarget(inbound);
  if (target.port === inbound.port && target.address === inboundAddress(networking, inbound)) {
    notes.violate(
      `${at}.serviceAddress`,
      'serviceAddress and servicePort has to differ from address and port',
    );
  }
  // An inbound without any tag is legal in 2.14 (services by labels); one with tags needs the service among them.
  if (Object.keys(inbound.tags).length > 0) checkServingTags(inbound.tags, `${at}.tags`, notes);
  else notes.warn(`${at}.tags`, 'no tags, so no service has this inbound as its endpoint');
  if (inbound.serviceProbe !== undefined) notes.warn(`${at}.serviceProbe`, NO_EFFECT);
}

function checkOutbound(outbound: Outbound, at: string, notes: Notes): void {
  checkPort(outbound.port, `${at}.port`, notes);
  checkIp(outbound.address, `${at}.address`, notes);
  const { tags, backendRef } = outbound;
  if (backendRef === undefined) {
    checkDestinationTags(tags ?? {}, `${at}.tags`, notes);
    return;
  }
  if (tags !== undefined) notes.violate(at, 'tags and backendRef cannot be defined at the same time');
  if (!BACKEND_KINDS.includes(backendRef.kind)) {
    notes.violate(`${at}.backendRef.kind`, `must be one of ${BACKEND_KINDS.join(', ')}`);
  }
  if ((backendRef.name === undefined) === (backendRef.labels === undefined)) {
    notes.violate(`${at}.backendRef`, "either 'name' or 'labels' should be specified");
  }
  if (backendRef.port !== undefined) checkPort(backendRef.port, `${at}.backendRef.port`, notes);
  notes.warn(`${at}.backendRef`, NO_EFFECT);
}

// Envoy's admin binds the loopback address only.
function checkAdminPort(networking: Networking, notes: Notes): void {
  const port = networking.admin?.port;
  if (port === undefined) return;
  checkPort(port, 'networking.admin.port', notes);
  const inbounds = networking.inbound ?? [];
  const outbounds = networking.outbound ?? [];
  if (inbounds.some((inbound) => inbound.port === port && inboundAddress(networking, inbound) === LOOPBACK)) {
    notes.violate('networking.admin.port', 'must differ from inbound');
  }
  if (outbounds.some((outbound) => outbound.port === port && (outbound.address ?? LOOPBACK) === LOOPBACK)) {
    notes.violate('networking.admin.port', 'must differ from outbound');
  }
}

function warnOfSharedListeners(networking: Networking, notes: Notes): void {
  const owners = new Map<string, string>();
  const claim = (address: string, port: number, field: string): void => {
    if (address === '' || port === 0) return;
    const listener = `${address}:${port}`;
    const owner = owners.get(listener);
    if (owner === undefined) owners.set(listener, field);
    else notes.warn(field, `listens on ${listener} like ${owner}: only one of them can`);
  };
  networking.inbound?.forEach((inbound, i) => {
    if (inbound.state !== 'Ignored')
      claim(inboundAddress(networking, inbound), inbound.port, `networking.inbound[${i}]`);
  });
  networking.outbound?.forEach((outbound, i) => {
    claim(outbound.address ?? LOOPBACK, outbound.port, `networking.outbound[${i}]`);
  });
}
