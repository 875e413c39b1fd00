/** The gRPC status codes the relay deals with. */
export const OK = 0;
export const UNKNOWN = 2;
export const PERMISSION_DENIED = 7;
export const RESOURCE_EXHAUSTED = 8;
export const UNIMPLEMENTED = 12;
export const INTERNAL = 13;
export const UNAVAILABLE = 14;
export const UNAUTHENTICATED = 16;

/** How a stream ended. */
export interface StreamEnd {
  /** A gRPC status; UNAVAILABLE for a connection that broke. */
  readonly code: number;
  readonly message: string;
}

/** `grpc-message` is percent-encoded UTF-8; what is not is taken as it is. */
export function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Only what HTTP/2 headers cannot carry, and the percent sign (gRPC over HTTP/2, "Status-Message"). */
export function encodeMessage(text: string): string {
  const toHex = (byte: number) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, (run) => [...Buffer.from(run)].map(toHex).join(''));
}

/** The status in headers or trailers, undefined when they have none. */
export function statusOf(headers: {
  readonly [name: string]: string | string[] | number | undefined;
}): StreamEnd | undefined {
  const code = headers['grpc-status'];
  if (code === undefined) return undefined;
  const number = Number(code);
  return {
    code: Number.isInteger(number) ? number : UNKNOWN,
    message: decodeMessage(String(headers['grpc-message'] ?? '')),
  };
}

/** What an HTTP answer without a status means (gRPC, "HTTP to gRPC Status Code Mapping"). */
export function statusOfHttp(httpStatus: number): StreamEnd {
  const message = `answered HTTP ${httpStatus}, which is no gRPC`;
  if (httpStatus === 404) return { code: UNIMPLEMENTED, message };
  if (httpStatus === 429 || (httpStatus >= 502 && httpStatus <= 504)) return { code: UNAVAILABLE, message };
  return { code: UNKNOWN, message };
}
