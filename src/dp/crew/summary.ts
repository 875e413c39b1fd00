import type { MemberState } from './member.ts';
import type { Problem } from './roster.ts';

/** What is looked at of a member. */
export interface Seen {
  readonly id: string;
  readonly current: MemberState;
  readonly tried: boolean;
}

export interface Summary {
  /** Proxies that are to run, files that cannot be read included. */
  readonly total: number;
  readonly ready: number;
  /** Everything that is to run is ready. */
  readonly allReady: boolean;
  /** Each was ready once, or cannot start: nothing is gained by waiting longer for it. */
  readonly settled: boolean;
  /** One line for people: `5 of 6 ready; reviews-v1: restarting (…)`. */
  readonly text: string;
  /** One line for each proxy and each file that is not well. */
  readonly lines: readonly string[];
}

/** How the whole is, for the service manager, for readiness and for people. */
export function summarize(
  members: readonly Seen[],
  problems: readonly Problem[],
  places: readonly string[],
): Summary {
  const wanted = members.filter(({ current }) => current.state !== 'held');
  const broken = problems.filter(({ keeps }) => keeps === undefined);
  const ready = wanted.filter(({ current }) => isServing(current)).length;
  const total = wanted.length + broken.length;
  const ill = members.filter(({ current }) => current.state !== 'ready');
  const details = [
    ...ill.map(({ id, current }) => `${id}: ${describeMember(current)}`),
    ...problems.map(({ path, problem }) => `${path} ${problem}`),
  ];
  const head =
    members.length + broken.length === 0
      ? `no Dataplane in ${places.join(', ')} yet`
      : `${ready} of ${total} ready`;
  return {
    total,
    ready,
    allReady: total > 0 && ready === total,
    settled: members.every(({ tried }) => tried),
    text: [head, ...details].join('; '),
    lines: [
      ...members.map(({ id, current }) => `${id}: ${describeMember(current)}`),
      ...problems.map(({ path, problem }) => `${path}: ${problem}`),
    ],
  };
}

export function isServing({ state }: MemberState): boolean {
  return state === 'ready' || state === 'degraded' || state === 'handing-over';
}

function describeMember(current: MemberState): string {
  const { state } = current;
  const why = 'reason' in current ? current.reason : 'cause' in current ? current.cause : '';
  const word = state === 'held' ? 'stopped' : state;
  return why === '' ? word : `${word} (${why})`;
}
