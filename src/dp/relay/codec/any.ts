import { type DeltaResource, decodeResource } from './delta.ts';
import { isBytes, readFields, toText, WireError } from './wire.ts';

/** A control plane may wrap resources of a SotW response to give them a time to live. */
const WRAPPER = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

const NO_REST = new Uint8Array(0);

/**
 * A resource of a SotW response under its name, which is field 1 of the message in every served type. Version '':
 * SotW has one per response only. Throws WireError.
 */
export function resourceOfAny(any: Uint8Array): DeltaResource {
  const { typeUrl, value } = readAny(any);
  if (typeUrl === WRAPPER) {
    const { name, any: inner, rest } = decodeResource(value);
    if (inner !== undefined) return { name: name || nameOf(inner), version: '', any: inner, rest };
  }
  return { name: nameOfMessage(value), version: '', any, rest: NO_REST };
}

/** The message inside an Any. Throws WireError. */
export function messageOf(any: Uint8Array): Uint8Array {
  return readAny(any).value;
}

function nameOf(any: Uint8Array): string {
  return nameOfMessage(readAny(any).value);
}

function nameOfMessage(message: Uint8Array): string {
  let name: string | undefined;
  for (const field of readFields(message)) {
    if (field.number === 1 && isBytes(field)) name = toText(field.bytes);
  }
  if (name === undefined) throw new WireError('a resource without a name');
  return name;
}

function readAny(any: Uint8Array): { typeUrl: string; value: Uint8Array } {
  let typeUrl = '';
  let value: Uint8Array = NO_REST;
  for (const field of readFields(any)) {
    if (!isBytes(field)) continue;
    if (field.number === 1) typeUrl = toText(field.bytes);
    // A singular bytes field that comes twice: the last one counts.
    else if (field.number === 2) value = field.bytes;
  }
  return { typeUrl, value };
}
