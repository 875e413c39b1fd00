import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensurePrivateDir, ensureSafeParent } from '../../lib/private-dir.ts';
import { type Contents, fromContents } from './contents.ts';
import { decodeState, encodeState, type StateHeader, type StateKind } from './format.ts';
import type { AcceptedState } from './generation.ts';
import { readSafeFile, writeSafeFile } from './safe-file.ts';

/** Whose files they are. */
export interface StateOwner {
  readonly mesh: string;
  readonly name: string;
  /** Origin of the control plane that is asked now. */
  readonly controlPlane: string;
  readonly envoyVersion: string;
}

export interface StateRead {
  readonly header: StateHeader;
  readonly contents: Contents;
}

/** A generation is some thousand clusters at most; a larger file is none of ours. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Reads one file of the owner's. A file that cannot be used adds a line to `refused`; one that is not there does not. */
export function readStateFile(
  path: string,
  { kind, owner, refused }: { kind: StateKind; owner: StateOwner; refused: string[] },
): StateRead | undefined {
  const refuse = (problem: string) => {
    refused.push(`${path} ${problem}`);
    return undefined;
  };
  const file = readSafeFile(path, MAX_BYTES);
  if (file.kind === 'absent') return undefined;
  if (file.kind === 'refused') return refuse(file.problem);
  const state = decodeState(file.bytes);
  if (!state.ok) return refuse(state.problem);
  const { header, contents } = state;
  if (header.mesh !== owner.mesh || header.name !== owner.name)
    return refuse(`belongs to proxy ${header.name} of mesh ${header.mesh}`);
  if (header.kind !== kind) return refuse(`holds a ${header.kind} under the name of a ${kind}`);
  return { header, contents };
}

/** The same for resources. */
export function readResources(
  path: string,
  options: { kind: 'generation' | 'secrets'; owner: StateOwner; refused: string[] },
): { readonly header: StateHeader; readonly state: AcceptedState } | undefined {
  const read = readStateFile(path, options);
  if (read === undefined) return undefined;
  const state = fromContents(read.contents);
  if (state !== undefined) return { header: read.header, state };
  options.refused.push(`${path} has a header that makes no sense`);
  return undefined;
}

export async function writeStateFile(path: string, header: StateHeader, contents: Contents): Promise<void> {
  // Made anew when somebody removed it meanwhile.
  const dir = dirname(path);
  ensureSafeParent(dirname(dir));
  ensurePrivateDir(dir);
  await removeLeftovers(dir);
  await writeSafeFile(path, encodeState({ header, contents }));
}

/** What is wrong with a directory of state; undefined also when there is none yet. */
export function describeUnsafe(dir: string): string | undefined {
  let stat: Stats | undefined;
  try {
    stat = lstatSync(dir, { throwIfNoEntry: false });
  } catch (error) {
    return `${dir} cannot be opened (${(error as NodeJS.ErrnoException).code})`;
  }
  if (stat === undefined) return undefined;
  if (!stat.isDirectory()) return `${dir} is no directory`;
  if (stat.uid !== process.getuid?.())
    return `${dir} belongs to user ${stat.uid}, not to ${process.getuid?.()}`;
  if ((stat.mode & 0o077) !== 0)
    return `${dir} is open to others (mode ${(stat.mode & 0o777).toString(8)}); chmod 700 it`;
  return undefined;
}

/** Numbers of the files `<prefix>-<number>`, highest first; none when the directory cannot be read. */
export function listNumbered(dir: string, prefix: string): readonly number[] {
  return listNames(dir)
    .flatMap((name) => {
      const number = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1) : '';
      return /^\d{1,15}$/.test(number) ? [Number(number)] : [];
    })
    .sort((a, b) => b - a);
}

/** Half-written files of agents that were killed. */
async function removeLeftovers(dir: string): Promise<void> {
  for (const name of listNames(dir))
    if (/^\..*\.tmp$/.test(name)) await rm(join(dir, name), { force: true }).catch(() => {});
}

function listNames(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
