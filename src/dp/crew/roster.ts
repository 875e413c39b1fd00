import { dirname } from 'node:path';

/** One proxy that is to run, and the file it comes from. */
export interface Entry {
  readonly path: string;
  readonly mesh: string;
  readonly name: string;
  /** The Dataplane as JSON text. */
  readonly json: string;
  /** Its own token; undefined: that of the settings. */
  readonly tokenFile: string | undefined;
}

/** A file as it was read. */
export interface Reading {
  readonly path: string;
  readonly outcome:
    | { readonly kind: 'good'; readonly entry: Entry }
    /** Ends the sentence "FILE ". */
    | { readonly kind: 'bad'; readonly problem: string };
}

export interface Problem {
  readonly path: string;
  readonly problem: string;
  /** The proxy that runs on with what the file said before. */
  readonly keeps: string | undefined;
}

/** Who is to run, by `idOf`. */
export type Roster = ReadonlyMap<string, Entry>;

export interface NextRoster {
  readonly roster: Roster;
  readonly problems: readonly Problem[];
}

/** A proxy is the same as long as mesh and name are, whatever its file is called. */
export function idOf({ mesh, name }: { readonly mesh: string; readonly name: string }): string {
  return `${mesh}.${name}`;
}

/**
 * Who is to run after a look. What cannot be read, and what is in places that cannot be looked at, stays as it was: only a
 * file that is gone from a directory that is there takes its proxy along. Of two files with the same proxy the one that
 * had it keeps it.
 */
export function toRoster(
  before: Roster,
  readings: readonly Reading[],
  absent: ReadonlySet<string>,
): NextRoster {
  const roster = new Map<string, Entry>();
  const problems: Problem[] = [];
  const owners = new Map([...before.values()].map((entry) => [entry.path, entry]));
  const good = readings.flatMap(({ outcome }) => (outcome.kind === 'good' ? [outcome.entry] : []));
  const incumbentsFirst = good.toSorted(
    (a, b) => Number(isIncumbent(b, before)) - Number(isIncumbent(a, before)),
  );
  for (const entry of incumbentsFirst) {
    const id = idOf(entry);
    const other = roster.get(id);
    if (other === undefined) roster.set(id, entry);
    else problems.push({ path: entry.path, problem: describeTwice(id, other.path), keeps: undefined });
  }
  for (const { path, outcome } of readings) {
    if (outcome.kind === 'good') continue;
    const kept = keep(roster, owners.get(path));
    problems.push({ path, problem: outcome.problem, keeps: kept });
  }
  for (const entry of before.values())
    if (absent.has(entry.path) || absent.has(dirname(entry.path))) keep(roster, entry);
  return { roster, problems };
}

function isIncumbent(entry: Entry, before: Roster): boolean {
  return before.get(idOf(entry))?.path === entry.path;
}

/** Its id when it stays; undefined when there is nothing to keep, or another file has it now. */
function keep(roster: Map<string, Entry>, entry: Entry | undefined): string | undefined {
  if (entry === undefined) return undefined;
  const id = idOf(entry);
  if (!roster.has(id)) roster.set(id, entry);
  return roster.get(id) === entry ? id : undefined;
}

function describeTwice(id: string, path: string): string {
  return `names the proxy ${id}, which ${path} names already; give it another name or remove it`;
}
