import { INTERNAL, RESOURCE_EXHAUSTED, UNIMPLEMENTED } from './status.ts';

/** Longest message taken, in bytes: a proxy with tens of thousands of endpoints stays below. */
export const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

const HEADER_BYTES = 5;

/** The peer broke the framing or a limit. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  /** gRPC status. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** A message as it goes into the HTTP/2 stream: flag, length, content. */
export function toFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEADER_BYTES);
  return frame;
}

/** Cuts a byte stream into messages. */
export interface FrameReader {
  /** The messages these bytes complete; they may be views into them. Throws FrameError. */
  push(chunk: Buffer): readonly Buffer[];
  /** Bytes of a message that has not ended yet. */
  readonly pending: number;
}

export function createFrameReader(maxBytes = MAX_MESSAGE_BYTES): FrameReader {
  let chunks: Buffer[] = [];
  let have = 0;
  let need = HEADER_BYTES;
  return {
    get pending() {
      return have;
    },
    push(chunk) {
      chunks.push(chunk);
      have += chunk.length;
      if (have < need) return [];
      let rest = chunks.length === 1 ? chunk : Buffer.concat(chunks, have);
      const messages: Buffer[] = [];
      for (need = HEADER_BYTES; rest.length >= HEADER_BYTES; need = HEADER_BYTES) {
        need = HEADER_BYTES + readLength(rest, maxBytes);
        if (rest.length < need) break;
        messages.push(rest.subarray(HEADER_BYTES, need));
        rest = rest.subarray(need);
      }
      chunks = rest.length === 0 ? [] : [rest];
      have = rest.length;
      return messages;
    },
  };
}

function readLength(header: Buffer, maxBytes: number): number {
  if (header[0] === 1) throw new FrameError(UNIMPLEMENTED, 'compressed messages are not supported');
  if (header[0] !== 0) throw new FrameError(INTERNAL, `${header[0]} is no gRPC message flag`);
  const length = header.readUInt32BE(1);
  if (length > maxBytes)
    throw new FrameError(RESOURCE_EXHAUSTED, `a message of ${length} bytes; the limit is ${maxBytes}`);
  return length;
}
