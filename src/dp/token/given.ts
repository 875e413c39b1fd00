import { describeError } from '../../lib/coded-error.ts';
import { readPipe } from '../../lib/read-pipe.ts';
import type { Violation } from '../../lib/violations.ts';
import {
  isReadAgain,
  parseToken,
  parseTokenSource,
  readToken,
  type TokenReading,
  type TokenSource,
} from './source.ts';

/** The token as the settings give it. */
export interface GivenToken {
  /** undefined: none is wanted. */
  readonly source: TokenSource | undefined;
  /** undefined while the source has none. */
  readonly token: string | undefined;
  readonly warnings: readonly string[];
}

export interface TokenSettings {
  readonly values: { readonly tokenFile: string; readonly token: string };
  readonly origins: { readonly tokenFile: string; readonly token: string };
}

const NOTHING: GivenToken = { source: undefined, token: undefined, warnings: [] };

/** The file wins over the text. What cannot be read or is no token is a violation; an empty file is told later. */
export async function readGivenToken(
  { values, origins }: TokenSettings,
  env: Readonly<Record<string, string | undefined>>,
  {
    read,
    violations,
  }: {
    readonly read: (path: string, origin: string) => Promise<string>;
    readonly violations: Violation[];
  },
): Promise<GivenToken> {
  if (values.tokenFile === '') return readText({ values, origins }, violations);
  let source: TokenSource;
  try {
    source = parseTokenSource(values.tokenFile, env);
  } catch (error) {
    violations.push({ field: origins.tokenFile, message: describeError(error) });
    return NOTHING;
  }
  const reading =
    source.kind === 'file'
      ? parseToken(await read(source.path, origins.tokenFile))
      : ((await readPiped(source)) ?? readToken(source));
  const isEmpty = !reading.ok && reading.problem === 'is empty' && isReadAgain(source);
  if (!reading.ok && !isEmpty) violations.push({ field: origins.tokenFile, message: reading.problem });
  const warnings =
    values.token === '' ? [] : [`${origins.token} has no effect: ${origins.tokenFile} gives the token`];
  return { source, token: reading.ok ? reading.token : undefined, warnings };
}

/** undefined: no pipe stands behind it. Its writer may take its time. */
async function readPiped(source: TokenSource): Promise<TokenReading | undefined> {
  if (source.kind !== 'descriptor') return undefined;
  try {
    const text = await readPipe(`/proc/self/fd/${source.fd}`);
    return text === undefined ? undefined : parseToken(text);
  } catch {
    // A socket, or one of another user: it can only be read where it is.
    return undefined;
  }
}

function readText({ values, origins }: TokenSettings, violations: Violation[]): GivenToken {
  if (values.token === '') return NOTHING;
  const reading = parseToken(values.token);
  if (!reading.ok) {
    violations.push({ field: origins.token, message: reading.problem });
    return NOTHING;
  }
  const { token } = reading;
  const warnings = [
    `THE TOKEN IS GIVEN AS TEXT (${origins.token}): others on this host may read it, and it cannot be replaced while the proxy runs; use --dataplane-token-file`,
  ];
  return { source: { kind: 'text', token, origin: origins.token }, token, warnings };
}
