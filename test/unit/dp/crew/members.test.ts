import { describe, expect, test } from 'vitest';
import type { Member } from '../../../../src/dp/crew/member.ts';
import { createMembers } from '../../../../src/dp/crew/members.ts';
import type { Look } from '../../../../src/dp/crew/places.ts';
import type { Entry, Reading } from '../../../../src/dp/crew/roster.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const good = (path: string, name: string, json = name): Reading => ({
  path,
  outcome: { kind: 'good', entry: { path, name, json, mesh: 'm', tokenFile: undefined } },
});
const look = (readings: readonly Reading[], absent: Readonly<Record<string, string>> = {}): Look => ({
  readings,
  absent: new Map(Object.entries(absent)),
  hasDirectory: true,
  unsettled: false,
});

/** A crew of members that do nothing, and what was done to them in order. */
function crew() {
  const clock = createFakeClock();
  const events: string[] = [];
  const ends = new Map<string, () => void>();
  const members = createMembers({
    clock,
    logger: silentLogger,
    onGone: (id) => events.push(`gone ${id}`),
    start(first: Entry, after) {
      let entry = first;
      void after.then(() => events.push(`start ${entry.name}`));
      return {
        get entry() {
          return entry;
        },
        take(next: Entry) {
          if (next.json !== entry.json) events.push(`change ${entry.name}`);
          entry = next;
        },
        leave(cause: string) {
          events.push(`leave ${entry.name}: ${cause}`);
          return new Promise<void>((resolve) => ends.set(entry.name, resolve));
        },
        hurry: (cause: string) => events.push(`hurry ${entry.name}: ${cause}`),
      } as unknown as Member;
    },
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const said = async () => {
    await settle();
    return events.splice(0);
  };
  return { clock, members, ends, said };
}

describe('the files of a crew', () => {
  test('start, change and end proxies, and a renamed one does none of it', async () => {
    const { clock, members, said } = crew();
    members.apply(look([good('d/a', 'a'), good('d/b', 'b')]));
    expect(await said()).toEqual(['start a', 'start b']);
    members.apply(look([good('d/a', 'a', 'other'), good('d/z', 'b')]));
    expect(await said()).toEqual(['change a']);
    expect(members.apply(look([good('d/z', 'b')]))).toBe(true);
    clock.advance(1_000);
    expect(members.apply(look([good('d/z', 'b')]))).toBe(false);
    expect(await said()).toEqual(['leave a: d/a is gone']);
  });

  test('may be away for a moment', async () => {
    const { clock, members, said } = crew();
    members.apply(look([good('d/a', 'a')]));
    members.apply(look([]));
    clock.advance(900);
    members.apply(look([good('d/a', 'a')]));
    clock.advance(900);
    expect(members.apply(look([]))).toBe(true);
    expect(await said()).toEqual(['start a']);
  });

  test('that name another proxy end the one before first', async () => {
    const { members, ends, said } = crew();
    members.apply(look([good('d/a', 'a')]));
    await said();
    members.apply(look([good('d/a', 'b')]));
    expect(await said()).toEqual(['leave a: d/a names another proxy']);
    ends.get('a')?.();
    expect(await said()).toEqual(['gone m.a', 'start b']);
  });

  test('that come back while their proxy still drains start it when that is over', async () => {
    const { clock, members, ends, said } = crew();
    members.apply(look([good('d/a', 'a')]));
    await said();
    members.apply(look([]));
    clock.advance(1_000);
    members.apply(look([]));
    members.apply(look([good('d/a', 'a')]));
    expect(await said()).toEqual(['leave a: d/a is gone']);
    ends.get('a')?.();
    expect((await said()).toSorted()).toEqual(['gone m.a', 'start a']);
    expect([...members.all.keys()]).toEqual(['m.a']);
  });

  test('in a directory that is away take nobody along, and are said to run on', async () => {
    const { clock, members, said } = crew();
    members.apply(look([good('d/a', 'a')]));
    members.apply(look([], { d: 'does not exist' }));
    clock.advance(60_000);
    expect(members.apply(look([], { d: 'does not exist' }))).toBe(false);
    expect(await said()).toEqual(['start a']);
    expect(members.problems).toEqual([
      { path: 'd', problem: 'does not exist; what came from it runs on', keeps: 'm.a' },
    ]);
  });
});

test('all leave together, those that drain already are hurried with them', async () => {
  const { members, ends, said } = crew();
  members.apply(look([good('d/a', 'a'), good('d/b', 'b')]));
  members.apply(look([good('d/a', 'x'), good('d/b', 'b')]));
  await said();
  let over = false;
  void members.leaveAll('SIGTERM').then(() => {
    over = true;
  });
  members.hurryAll('SIGINT');
  expect(await said()).toEqual(
    expect.arrayContaining(['leave b: SIGTERM', 'hurry a: SIGINT', 'hurry b: SIGINT', 'hurry x: SIGINT']),
  );
  for (const name of ['a', 'b']) ends.get(name)?.();
  await said();
  expect(over).toBe(false);
  ends.get('x')?.();
  await said();
  expect(over).toBe(true);
});
