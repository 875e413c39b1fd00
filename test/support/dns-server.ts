import { createSocket } from 'node:dgram';

/** Names with their addresses, and names with their services. */
export interface Zone {
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  readonly services: Readonly<Record<string, readonly Service[]>>;
}

export interface Service {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface DnsServer {
  /** What is answered from here on; undefined: nothing at all. */
  zone: Zone | undefined;
  /** Questions so far, such as `SRV _kuma-cp._tcp.example.test`. */
  readonly asked: readonly string[];
  close(): void;
}

const TYPES = new Map([
  [1, 'A'],
  [28, 'AAAA'],
  [33, 'SRV'],
]);
const NO_SUCH_NAME = 3;

/** A name server on UDP that knows IPv4 addresses and services, and nothing of the world. */
export async function startDnsServer(address: string, port: number, zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  const server: DnsServer = { zone, asked, close: () => void socket.close() };
  socket.on('message', (message, { address: to, port: at }) => {
    const question = readQuestion(message);
    asked.push(`${TYPES.get(question.type) ?? question.type} ${question.name}`);
    if (server.zone !== undefined) socket.send(answer(message, question, server.zone), at, to);
  });
  await new Promise<void>((resolve) => socket.bind(port, address, resolve));
  return server;
}

interface Question {
  readonly name: string;
  readonly type: number;
  /** Where it ends in the message. */
  readonly end: number;
}

function readQuestion(message: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function answer(message: Buffer, { name, type, end }: Question, { addresses, services }: Zone): Buffer {
  const records =
    type === 1
      ? (addresses[name] ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
      : type === 33
        ? (services[name] ?? []).map(toServiceData)
        : [];
  const known = name in addresses || name in services;
  const header = Buffer.alloc(12);
  message.copy(header, 0, 0, 2);
  // An answer with authority, recursion wanted and had.
  header.writeUInt16BE(0x8580 | (known ? 0 : NO_SUCH_NAME), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, message.subarray(12, end), ...records.map((data) => toRecord(type, data))]);
}

/** Its name is that of the question; it is good for a second. */
function toRecord(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function toServiceData({ name, port, priority, weight }: Service): Buffer {
  const head = Buffer.alloc(6);
  for (const [i, value] of [priority, weight, port].entries()) head.writeUInt16BE(value, 2 * i);
  const labels = name
    .split('.')
    .map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}
