import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { identifyFile } from '../../lib/file-identity.ts';
import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import { peekDirectory } from '../../lib/peek.ts';
import { isSameProcessAlive, readCommandLine } from '../../lib/process-id.ts';
import type { AdminPlace } from '../admin-place.ts';

/**
 * What one agent writes down of the Envoys that are to outlive it, for the next one: enough to know them again, to
 * follow them and to start their successors. There is no token in it.
 */
export interface KeptRecord {
  readonly mesh: string;
  readonly name: string;
  /** Version of the agent that wrote it. */
  readonly writtenBy: string;
  /** Workers; undefined while not known. */
  readonly concurrency?: number;
  readonly readinessPort: number;
  /** Oldest first. */
  readonly envoys: readonly KeptEnvoy[];
}

export interface KeptEnvoy {
  readonly pid: number;
  readonly startTicks: number;
  readonly epoch: number;
  /** Of the hot restarts it takes part in; undefined for none. */
  readonly baseId?: number;
  readonly binary: KeptBinary;
  /** What it runs, like `identity`: where the binary is a script that leads to the program, another file. */
  readonly program?: string;
  readonly bootstrapPath: string;
  readonly place: AdminPlace;
  readonly logPath: string;
  /** The bootstrap as the control plane sent it, without the token. */
  readonly received: JsonObject;
  /** Which sets it waits for. */
  readonly expects: { readonly lds: boolean; readonly cds: boolean };
  /** Its number at the relay; undefined where it talks to the control plane itself. */
  readonly relayEpoch?: number;
}

export interface KeptBinary {
  readonly path: string;
  /** Device, inode, size and time of change of the file it runs. */
  readonly identity: string;
  readonly version: { readonly version: string; readonly build: string; readonly supported: boolean };
}

const FORMAT = 1;

export function formatKept(record: KeptRecord): string {
  return JSON.stringify({ format: FORMAT, ...record });
}

/** Undefined for what this agent does not understand, or what is damaged. */
export function parseKept(text: string): KeptRecord | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(content) || content.format !== FORMAT || !Array.isArray(content.envoys)) return undefined;
  const { mesh, name, writtenBy, concurrency, readinessPort } = content;
  if (typeof mesh !== 'string' || typeof name !== 'string' || !isCount(readinessPort)) return undefined;
  const envoys = content.envoys.map(parseEnvoy);
  if (!envoys.every((envoy) => envoy !== undefined)) return undefined;
  return {
    ...{ mesh, name, readinessPort, envoys },
    writtenBy: typeof writtenBy === 'string' ? writtenBy : '',
    ...(isCount(concurrency) ? { concurrency } : {}),
  };
}

function parseEnvoy(value: Json): KeptEnvoy | undefined {
  if (!isJsonObject(value) || !isJsonObject(value.received) || !isJsonObject(value.expects)) return undefined;
  const { pid, startTicks, epoch, baseId, bootstrapPath, logPath, relayEpoch, received, program } = value;
  const place = parsePlace(value.place);
  const binary = parseBinary(value.binary);
  if (!isCount(pid) || pid < 2 || !isCount(startTicks) || !isCount(epoch)) return undefined;
  if (typeof bootstrapPath !== 'string' || typeof logPath !== 'string') return undefined;
  if (place === undefined || binary === undefined) return undefined;
  const expects = { lds: value.expects.lds === true, cds: value.expects.cds === true };
  return {
    ...{ pid, startTicks, epoch, bootstrapPath, logPath, place, binary, received, expects },
    ...(isCount(baseId) ? { baseId } : {}),
    ...(typeof program === 'string' ? { program } : {}),
    ...(isCount(relayEpoch) ? { relayEpoch } : {}),
  };
}

function parsePlace(value: Json | undefined): AdminPlace | undefined {
  if (!isJsonObject(value)) return undefined;
  if (typeof value.socketPath === 'string') return { socketPath: value.socketPath };
  return isCount(value.port) ? { port: value.port } : undefined;
}

function parseBinary(value: Json | undefined): KeptBinary | undefined {
  if (!isJsonObject(value) || !isJsonObject(value.version)) return undefined;
  const { path, identity } = value;
  if (typeof path !== 'string' || typeof identity !== 'string') return undefined;
  const { version, build, supported } = value.version;
  return {
    ...{ path, identity },
    version: { version: String(version ?? ''), build: String(build ?? ''), supported: supported === true },
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The relay takes an Envoy with a higher number for the newer one. */
export function nextRelayEpoch({ envoys }: KeptRecord): number {
  return Math.max(...envoys.map(({ relayEpoch = -1 }) => relayEpoch)) + 1;
}

/** What is left in a private directory of Envoys that run; undefined when none does or the record cannot be used. */
export function readKept(path: string): KeptRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const record = parseKept(text);
  const envoys = record?.envoys.filter(isStillThere) ?? [];
  return record === undefined || envoys.length === 0 ? undefined : { ...record, envoys };
}

/**
 * The number, the start, the program and the bootstrap are those of the record. The program of a process with
 * capabilities of its own cannot be looked at by others than root.
 */
export function isStillThere(envoy: KeptEnvoy): boolean {
  const program = identifyFile(`/proc/${envoy.pid}/exe`);
  return (
    isSameProcessAlive(envoy) &&
    (program === '' || program === (envoy.program ?? envoy.binary.identity)) &&
    readCommandLine(envoy.pid).includes(envoy.bootstrapPath)
  );
}

/** Whether a word of a command line names a bootstrap of this directory, which may have several paths: `/var/run`, `/run`. */
export function isBootstrapOf(dir: string, word: string): boolean {
  if (word.startsWith(`${dir}/bootstrap.`)) return true;
  if (!/^bootstrap\.\d\.json$/.test(basename(word)) || basename(dirname(word)) !== basename(dir))
    return false;
  try {
    return realpathSync(dirname(word)) === realpathSync(dir);
  } catch {
    return false;
  }
}

/**
 * Processes that were started with a bootstrap of this directory, recorded or not: an agent may be killed between the
 * start of an Envoy and its record. Others that only name a file of the directory are not among them.
 */
export function findEnvoysOf(dir: string): readonly number[] {
  return peekDirectory('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const words = readCommandLine(Number(name));
    const at = words.indexOf('--config-path');
    return at > 0 && isBootstrapOf(dir, words[at + 1] ?? '') ? [Number(name)] : [];
  });
}
