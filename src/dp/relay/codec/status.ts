import { isBytes, readFields, toText, WireError, WireWriter } from './wire.ts';

/** The text of an encoded `google.rpc.Status`; '' when it has none or cannot be read: it is only for people. */
export function statusMessage(status: Uint8Array): string {
  try {
    let message = '';
    for (const field of readFields(status)) {
      if (isBytes(field) && field.number === 2) message = toText(field.bytes);
    }
    return message;
  } catch (error) {
    if (error instanceof WireError) return '';
    throw error;
  }
}

export function encodeStatus(code: number, message: string): Uint8Array {
  return new WireWriter().number(1, code).text(2, message).finish();
}
