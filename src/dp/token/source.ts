import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../../lib/coded-error.ts';

/** Where a token comes from. */
export type TokenSource =
  | { readonly kind: 'file'; readonly path: string }
  /** A descriptor the agent was started with. A file behind it is read again, a pipe only once. */
  | { readonly kind: 'descriptor'; readonly fd: number }
  /** Given as text; there is no other to come. */
  | { readonly kind: 'text'; readonly token: string; readonly origin: string };

export type TokenReading =
  | { readonly ok: true; readonly token: string }
  /** Ends the sentence "SOURCE ". */
  | { readonly ok: false; readonly problem: string };

/** No token of Kuma is near; an endless file must not fill the memory, and HTTP/2 headers end at 16 KiB as well. */
const MAX_BYTES = 16 * 1024;

/** `fd:N`, or a path; `$CREDENTIALS_DIRECTORY` at its start is that of systemd. Throws when it is not set, and for what others would have too. */
export function parseTokenSource(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): TokenSource {
  const fd = /^fd:(\d{1,7})$/.exec(text)?.[1];
  if (fd !== undefined) return { kind: 'descriptor', fd: checkDescriptor(Number(fd)) };
  const rest = /^\$(?:CREDENTIALS_DIRECTORY|\{CREDENTIALS_DIRECTORY\})(\/.*)$/.exec(text)?.[1];
  if (rest === undefined) return { kind: 'file', path: text };
  const { CREDENTIALS_DIRECTORY: directory = '' } = env;
  if (directory === '')
    throw new Error(
      'CREDENTIALS_DIRECTORY is not set: systemd sets it for a unit with LoadCredential= or SetCredential=',
    );
  return { kind: 'file', path: join(directory, rest) };
}

/** Node keeps the descriptors it was started with from its children, but looks no further than this. */
const LAST_KEPT = 15;

function checkDescriptor(fd: number): number {
  if (fd <= LAST_KEPT) return fd;
  throw new Error(
    `fd:${fd} would be open in Envoy and all others it starts; use a descriptor up to ${LAST_KEPT}, such as fd:3 with 3<FILE`,
  );
}

/** A pipe was read to its end when the settings were, and a text does not change. */
export function isReadAgain(source: TokenSource): boolean {
  if (source.kind !== 'descriptor') return source.kind === 'file';
  try {
    return fstatSync(source.fd).isFile();
  } catch {
    return false;
  }
}

export function describeSource(source: TokenSource): string {
  if (source.kind === 'file') return source.path;
  return source.kind === 'descriptor' ? `descriptor ${source.fd}` : source.origin;
}

/** Reads what is there now. Never waits: a FIFO without a writer is empty. */
export function readToken(source: TokenSource): TokenReading {
  if (source.kind === 'text') return parseToken(source.token);
  try {
    const bytes = source.kind === 'file' ? readFile(source.path) : readDescriptor(source.fd);
    if (bytes.length > MAX_BYTES)
      return { ok: false, problem: `is longer than ${MAX_BYTES} bytes: this is no token` };
    return parseToken(bytes.toString('utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { ok: false, problem: 'does not exist' };
    return { ok: false, problem: `cannot be read: ${describeError(error)}` };
  }
}

/** Space around a token is an accident of editors and `echo`; space within one is a mistake. */
export function parseToken(text: string): TokenReading {
  const token = text.replace(/^\uFEFF/, '').trim();
  if (token === '') return { ok: false, problem: 'is empty' };
  if (/\s/.test(token)) return { ok: false, problem: 'must hold one token on one line' };
  // It becomes a header, where nothing else is allowed.
  if (!/^[\x21-\x7e]+$/.test(token))
    return { ok: false, problem: 'holds characters that no token has: is it a binary file?' };
  return { ok: true, token };
}

function readFile(path: string): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return readUpTo(fd, 0);
  } finally {
    closeSync(fd);
  }
}

function readDescriptor(fd: number): Buffer {
  return readUpTo(fd, fstatSync(fd).isFile() ? 0 : null);
}

function readUpTo(fd: number, start: number | null): Buffer {
  const buffer = Buffer.alloc(MAX_BYTES + 1);
  let length = 0;
  while (length < buffer.length) {
    const position = start === null ? null : start + length;
    const read = readSync(fd, buffer, length, buffer.length - length, position);
    if (read === 0) break;
    length += read;
  }
  return buffer.subarray(0, length);
}
