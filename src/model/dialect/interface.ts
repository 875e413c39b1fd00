import { isIPv4 } from 'node:net';

/** What an `interface` of the 0.1 dialect says, or the message that refuses it. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string };

export interface InboundInterface {
  readonly ip: string;
  /** Where Envoy listens. */
  readonly dataplanePort: number;
  /** Where the application listens, on 127.0.0.1. */
  readonly workloadPort: number;
}

export interface OutboundInterface {
  /** Absent means 127.0.0.1. */
  readonly ip?: string;
  readonly port: number;
}

const INBOUND_FORMAT =
  'invalid format: expected format is DATAPLANE_IP:DATAPLANE_PORT:WORKLOAD_PORT ex. 192.168.0.100:9090:8080';
const OUTBOUND_FORMAT =
  'invalid format: expected format is IP_ADDRESS:PORT where IP_ADDRESS is optional. ex. 192.168.0.100:9090 or :9090';

/** `IP:dataplanePort:workloadPort`; IPv4 only, as 0.1 had it. */
export function parseInboundInterface(text: string): Read<InboundInterface> {
  const [, ip, dataplanePort, workloadPort] = /^([\d.]+):(\d+):(\d+)$/.exec(text) ?? [];
  if (ip === undefined || dataplanePort === undefined || workloadPort === undefined)
    return no(INBOUND_FORMAT);
  if (!isIPv4(ip)) return no(`invalid DATAPLANE_IP in "${text}"`);
  const bad = badPort('DATAPLANE_PORT', dataplanePort, text) ?? badPort('WORKLOAD_PORT', workloadPort, text);
  if (bad !== undefined) return no(bad);
  return {
    ok: true,
    value: { ip, dataplanePort: Number(dataplanePort), workloadPort: Number(workloadPort) },
  };
}

/** `[IP]:port`. */
export function parseOutboundInterface(text: string): Read<OutboundInterface> {
  const [, ip, port] = /^([\d.]*):(\d+)$/.exec(text) ?? [];
  if (ip === undefined || port === undefined) return no(OUTBOUND_FORMAT);
  if (ip !== '' && !isIPv4(ip)) return no(`invalid IP_ADDRESS in "${text}"`);
  const bad = badPort('PORT', port, text);
  if (bad !== undefined) return no(bad);
  return { ok: true, value: { ...(ip === '' ? {} : { ip }), port: Number(port) } };
}

function badPort(part: string, digits: string, text: string): string | undefined {
  const port = Number(digits);
  if (port >= 1 && port <= 65_535) return undefined;
  return `invalid ${part} in "${text}": port number must be in the range [1, 65535] but got ${digits}`;
}

function no(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
