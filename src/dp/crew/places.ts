import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeError } from '../../lib/coded-error.ts';
import { parseDataplane } from '../dataplane/resource.ts';
import type { TemplateVariables } from '../dataplane/template.ts';
import type { Reading } from './roster.ts';

/** One look at all files and directories that were given. */
export interface Look {
  readonly readings: readonly Reading[];
  /** Places that cannot be looked at now, and why; what came from there stays. */
  readonly absent: ReadonlyMap<string, string>;
  /** At least one of the places is a directory: Dataplanes may come at any time. */
  readonly hasDirectory: boolean;
  /** Somebody seems to be writing: look again soon. */
  readonly unsettled: boolean;
}

export interface Reader {
  /** One at a time. */
  look(): Promise<Look>;
}

export interface ReaderOptions {
  readonly places: readonly string[];
  readonly variables: TemplateVariables;
  /** The mesh all have to be in. */
  readonly mesh: string | undefined;
  /** Wall time in ms. */
  readonly now: () => number;
}

/** Of a Dataplane with thousands of outbounds; the control plane takes no more. */
const MAX_BYTES = 1024 * 1024;
/** A file that was written this shortly ago may be written still, in ms. */
const SETTLE_MS = 100;

interface Known {
  readonly signature: string;
  readonly reading: Reading;
}

/** Looks at the places again and again; a file is read only when something about it changed. */
export function createReader(options: ReaderOptions): Reader {
  let known = new Map<string, Known>();
  /** File systems of directories when they last held a Dataplane. */
  const devices = new Map<string, number>();
  return {
    async look() {
      const absent = new Map<string, string>();
      const next = new Map<string, Known>();
      let unsettled = false;
      const { files, hasDirectory } = await listFiles(options.places, absent, devices);
      for (const path of files) {
        const outcome = await readOne(path, known.get(path), options);
        unsettled ||= outcome === 'unsettled';
        const kept = outcome === 'unsettled' ? known.get(path) : outcome;
        if (kept !== undefined && kept !== 'absent') next.set(path, kept);
        if (outcome === 'absent' && options.places.includes(path)) absent.set(path, 'does not exist');
      }
      known = next;
      const readings = [...next.values()].map(({ reading }) => reading);
      return { readings, absent, hasDirectory, unsettled };
    },
  };
}

/** Hidden files, and what editors and package managers leave beside a file while they change it, do not count. */
export function isDataplaneFile(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name) && !/^[.#~]/.test(name);
}

/** The file with the token of a Dataplane's file: `web.token` beside `web.yaml`. */
export function tokenFileOf(path: string): string {
  return path.replace(/\.[^./]+$/, '.token');
}

async function listFiles(
  places: readonly string[],
  absent: Map<string, string>,
  devices: Map<string, number>,
): Promise<{ readonly files: ReadonlySet<string>; readonly hasDirectory: boolean }> {
  const files = new Set<string>();
  let hasDirectory = false;
  for (const place of places) {
    try {
      const found = await stat(place);
      if (!found.isDirectory()) {
        files.add(place);
        continue;
      }
      hasDirectory = true;
      const names = (await readdir(place)).filter(isDataplaneFile).sort();
      // The place of a mount that is away is an empty directory.
      if (names.length > 0) devices.set(place, found.dev);
      else if ((devices.get(place) ?? found.dev) !== found.dev)
        absent.set(place, 'is empty, and on another file system than before: it seems not to be mounted');
      for (const name of names) files.add(join(place, name));
    } catch (error) {
      absent.set(place, describeAbsence(error));
    }
  }
  return { files, hasDirectory };
}

async function readOne(
  path: string,
  before: Known | undefined,
  options: ReaderOptions,
): Promise<Known | 'unsettled' | 'absent'> {
  try {
    const file = await stat(path, { bigint: true });
    if (!file.isFile()) return 'absent';
    const token = await readTokenFile(path);
    const mark = [file.dev, file.ino, file.size, file.mtimeNs, file.ctimeNs].join(':');
    const signature = `${mark} ${token ?? ''}`;
    if (before?.signature === signature) return before;
    const ageMs = options.now() - Number(file.mtimeNs / 1_000_000n);
    if (before !== undefined && ageMs >= 0 && ageMs < SETTLE_MS) return 'unsettled';
    if (file.size > MAX_BYTES) return known(signature, path, `is larger than ${MAX_BYTES} bytes`);
    const text = await readFile(path, 'utf8');
    const after = await stat(path, { bigint: true });
    if (after.ino !== file.ino || after.mtimeNs !== file.mtimeNs || after.size !== file.size)
      return 'unsettled';
    return { signature, reading: { path, outcome: parse(text, path, token, options) } };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent';
    return known('', path, `cannot be read: ${describeError(error)}`);
  }
}

/** Its path; undefined where there is none. */
async function readTokenFile(path: string): Promise<string | undefined> {
  const token = tokenFileOf(path);
  return token !== path && (await stat(token).catch(() => undefined)) !== undefined ? token : undefined;
}

function parse(
  text: string,
  path: string,
  tokenFile: string | undefined,
  { variables, mesh }: ReaderOptions,
): Reading['outcome'] {
  const resource = parseDataplane(text, variables, basename(path));
  if (!resource.ok)
    return { kind: 'bad', problem: resource.violations.map(({ message }) => message).join('; ') };
  if (mesh !== undefined && resource.mesh !== mesh)
    return { kind: 'bad', problem: `is of mesh "${resource.mesh}", but --mesh is "${mesh}"` };
  const { json, name } = resource;
  return { kind: 'good', entry: { path, mesh: resource.mesh, name, json, tokenFile } };
}

function known(signature: string, path: string, problem: string): Known {
  return { signature, reading: { path, outcome: { kind: 'bad', problem } } };
}

function describeAbsence(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
    ? 'does not exist'
    : `cannot be looked at: ${describeError(error)}`;
}
