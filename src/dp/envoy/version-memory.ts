import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isJsonObject } from '../../lib/json.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import { type EnvoyVersion, parseEnvoyVersion } from './version.ts';

/** Where the answer for one file is kept. `identity` changes with the file: device, inode, size, times of change. */
export interface RememberedFile {
  /** A small JSON file of the user; it may be missing, damaged or not writable. */
  readonly memory: string;
  readonly identity: string;
}

/** Other binaries are forgotten beyond this many. */
const LIMIT = 16;

/**
 * The version of an Envoy, asked once for each file: `--version` takes a tenth of the time of a whole start. What cannot
 * be read or written is asked again.
 */
export async function recallVersion(
  { memory, identity }: RememberedFile,
  ask: () => Promise<EnvoyVersion>,
): Promise<EnvoyVersion> {
  const known = readMemory(memory);
  const build = known.get(identity);
  if (build !== undefined) return parseEnvoyVersion(`version: ${build}`);
  const answer = await ask();
  if (answer.build !== '') remember(memory, new Map([...known, [identity, answer.build]]));
  return answer;
}

function readMemory(path: string): ReadonlyMap<string, string> {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const entries = isJsonObject(content) ? Object.entries(content) : [];
    return new Map(entries.filter((e): e is [string, string] => typeof e[1] === 'string' && e[1] !== ''));
  } catch {
    return new Map();
  }
}

function remember(path: string, known: ReadonlyMap<string, string>): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writePrivateFile(path, JSON.stringify(Object.fromEntries([...known].slice(-LIMIT))));
  } catch {
    // A home that cannot be written costs a tenth of a second at the next start, nothing else.
  }
}
