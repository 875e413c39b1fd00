import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Member } from './member.ts';
import type { Look } from './places.ts';
import { type Entry, idOf, type Problem, type Roster, toRoster } from './roster.ts';

export interface MembersOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Starts a member as soon as `after` is over. */
  readonly start: (entry: Entry, after: Promise<unknown>) => Member;
  /** A member is gone for good. */
  readonly onGone: (id: string) => void;
}

/** The members of a crew, and how looks at the files change them. */
export interface Members {
  readonly all: ReadonlyMap<string, Member>;
  readonly problems: readonly Problem[];
  /** Makes the crew what the files say. True when it is to be looked again soon, because something is not decided yet. */
  apply(look: Look): boolean;
  leaveAll(cause: string): Promise<unknown>;
  /** Those that leave end at once. */
  hurryAll(cause: string): void;
}

/** Configuration management may remove a file and write it anew: one that is gone for less is not gone, in ms. */
const GONE_MS = 1_000;

export function createMembers({ clock, logger, start, onGone }: MembersOptions): Members {
  const members = new Map<string, Member>();
  /** Members that end, by id and by file: who follows them waits. */
  const leaving = new Map<string, Promise<unknown>>();
  const goers = new Set<Member>();
  const missingSince = new Map<string, number>();
  const told = new Map<string, string>();
  let roster: Roster = new Map();
  let problems: readonly Problem[] = [];

  function leave(id: string, member: Member, cause: string): Promise<unknown> {
    members.delete(id);
    goers.add(member);
    const { path } = member.entry;
    const ended = member.leave(cause).finally(() => {
      for (const key of [id, path]) if (leaving.get(key) === ended) leaving.delete(key);
      goers.delete(member);
      onGone(id);
    });
    leaving.set(id, ended);
    leaving.set(path, ended);
    return ended;
  }

  /** Those that are not in the files any more; the entries that are kept for a while. */
  function dismiss(next: Roster): readonly (readonly [string, Entry])[] {
    const files = new Set([...next.values()].map(({ path }) => path));
    return [...roster].filter(([id, entry]) => {
      const member = members.get(id);
      if (next.has(id) || member === undefined) return false;
      const since = missingSince.get(id) ?? clock.monotonic();
      missingSince.set(id, since);
      const renamed = files.has(entry.path);
      if (!renamed && clock.monotonic() - since < GONE_MS) return true;
      const cause = renamed ? `${entry.path} names another proxy` : `${entry.path} is gone`;
      logger.info({ proxy: id, file: entry.path }, `${cause}: the proxy drains and ends`);
      void leave(id, member, cause);
      return false;
    });
  }

  function welcome(next: Roster): void {
    for (const [id, entry] of next) {
      missingSince.delete(id);
      const member = members.get(id);
      if (member !== undefined) {
        member.take(entry);
        continue;
      }
      logger.info({ proxy: id, file: entry.path }, 'a proxy joins');
      const after = Promise.all([leaving.get(id), leaving.get(entry.path)]);
      members.set(id, start(entry, after));
    }
  }

  return {
    all: members,
    get problems() {
      return problems;
    },
    apply(look) {
      const next = toRoster(roster, look.readings, new Set(look.absent.keys()));
      problems = [...next.problems, ...toProblems(look, roster)];
      tellProblems(problems, told, logger);
      const kept = dismiss(next.roster);
      welcome(next.roster);
      for (const id of missingSince.keys()) if (!members.has(id)) missingSince.delete(id);
      roster = new Map([...next.roster, ...kept]);
      return kept.length > 0 || look.unsettled;
    },
    leaveAll(cause) {
      for (const [id, member] of [...members]) void leave(id, member, cause);
      return Promise.all(leaving.values());
    },
    hurryAll(cause) {
      for (const member of goers) member.hurry(cause);
    },
  };
}

/** A place that cannot be looked at; what came from there runs on. */
function toProblems({ absent }: Look, before: Roster): readonly Problem[] {
  return [...absent].map(([path, problem]) => {
    const keeps = [...before].find(([, entry]) => entry.path === path || entry.path.startsWith(`${path}/`));
    return keeps === undefined
      ? { path, problem, keeps: undefined }
      : { path, problem: `${problem}; what came from it runs on`, keeps: idOf(keeps[1]) };
  });
}

/** Each once, until it is over. */
function tellProblems(problems: readonly Problem[], told: Map<string, string>, logger: Logger): void {
  const now = new Map(problems.map(({ path, problem }) => [path, problem]));
  for (const { path, problem, keeps } of problems) {
    if (told.get(path) === problem) continue;
    const outcome = keeps === undefined ? 'nothing runs for it' : `${keeps} runs on with what it said before`;
    logger.error({ file: path }, `${path} ${problem}; ${outcome}`);
  }
  for (const path of told.keys())
    if (!now.has(path)) logger.info({ file: path }, `${path} is in order again`);
  told.clear();
  for (const [path, problem] of now) told.set(path, problem);
}
