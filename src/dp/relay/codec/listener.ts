import { messageOf } from './any.ts';
import { isBytes, numberOf, readFields, toText, type WireField } from './wire.ts';

/** A socket that Envoy opens for a listener in its own network namespace. */
export interface Binding {
  readonly protocol: 'tcp' | 'udp';
  /** As the control plane wrote it: an address, never a name. */
  readonly address: string;
  readonly port: number;
  /** An IPv6 socket that takes IPv4 as well. */
  readonly dual: boolean;
}

// Field numbers of envoy.config.listener.v3.Listener, envoy.config.core.v3.Address and SocketAddress.
const LISTENER = { address: 2, deprecatedV1: 7, apiListener: 19, bindToPort: 26, additionalAddresses: 33 };
const ADDITIONAL_ADDRESS = 1;
const SOCKET_ADDRESS = 1;
const SOCKET = { protocol: 1, address: 2, port: 3, ipv4Compat: 6, networkNamespace: 7 };
/** Of google.protobuf.BoolValue, and of Listener.DeprecatedV1. */
const FIRST = 1;
const UDP = 1;

/**
 * The sockets an encoded `Any` with a Listener makes Envoy open; none where it binds none, leaves the port to the kernel,
 * or is of another network namespace. Whether it sets SO_REUSEPORT does not matter: a taken port is wrong either way.
 * Throws WireError.
 */
export function bindingsOf(any: Uint8Array): readonly Binding[] {
  const bindings: (Binding | undefined)[] = [];
  for (const field of readFields(messageOf(any))) {
    if (!isBytes(field)) continue;
    switch (field.number) {
      case LISTENER.apiListener:
        return [];
      case LISTENER.bindToPort:
        if (isFalse(field.bytes)) return [];
        break;
      case LISTENER.deprecatedV1:
        for (const inner of readFields(field.bytes))
          if (inner.number === FIRST && isBytes(inner) && isFalse(inner.bytes)) return [];
        break;
      case LISTENER.address:
        bindings.push(bindingOf(field.bytes));
        break;
      case LISTENER.additionalAddresses:
        for (const inner of readFields(field.bytes))
          if (inner.number === ADDITIONAL_ADDRESS && isBytes(inner)) bindings.push(bindingOf(inner.bytes));
        break;
    }
  }
  return bindings.filter((binding) => binding !== undefined);
}

/** A BoolValue that is there and empty says false, as in all of proto3. */
function isFalse(boolValue: Uint8Array): boolean {
  let value = 0;
  for (const field of readFields(boolValue)) if (field.number === FIRST) value = numberOf(field);
  return value === 0;
}

/** Undefined for pipes and internal addresses. */
function bindingOf(address: Uint8Array): Binding | undefined {
  let binding: Binding | undefined;
  for (const field of readFields(address)) {
    // One of several kinds: on the wire the last one counts.
    if (isBytes(field)) binding = field.number === SOCKET_ADDRESS ? bindingOfSocket(field.bytes) : undefined;
  }
  return binding;
}

function bindingOfSocket(socket: Uint8Array): Binding | undefined {
  const fields = new Map<number, WireField>();
  for (const field of readFields(socket)) fields.set(field.number, field);
  const number = (of: number) => {
    const field = fields.get(of);
    return field === undefined ? 0 : numberOf(field);
  };
  const port = number(SOCKET.port);
  if (port === 0 || fields.get(SOCKET.networkNamespace)?.bytes.length) return undefined;
  return {
    protocol: number(SOCKET.protocol) === UDP ? 'udp' : 'tcp',
    address: toText(fields.get(SOCKET.address)?.bytes ?? new Uint8Array(0)),
    port,
    dual: number(SOCKET.ipv4Compat) !== 0,
  };
}
