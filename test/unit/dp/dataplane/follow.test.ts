import { describe, expect, test } from 'vitest';
import { followDataplane, type Verdict } from '../../../../src/dp/dataplane/follow.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

function follow(verdicts: Record<string, Verdict[]>, start = 'one') {
  const clock = createFakeClock();
  const brought: string[] = [];
  const asked: string[] = [];
  let wanted = start;
  let onChange = () => {};
  const follower = followDataplane({
    dataplane: {
      get wanted() {
        return wanted;
      },
      listen(callback) {
        onChange = callback;
        return () => {
          onChange = () => {};
        };
      },
    },
    brought: 'one',
    ask: async (text) => {
      asked.push(text);
      return verdicts[text]?.shift() ?? { kind: 'accepted' };
    },
    bring: (text) => brought.push(text),
    clock,
    logger: silentLogger,
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    ...{ clock, brought, asked, follower, settle },
    async change(text: string) {
      wanted = text;
      onChange();
      await settle();
    },
  };
}

describe('a Dataplane that changes while its proxy runs', () => {
  test('is brought once the control plane accepts it, and asked about only when it is another one', async () => {
    const f = follow({});
    await f.settle();
    await f.change('one');
    expect(f.asked).toEqual([]);
    await f.change('two');
    expect(f.brought).toEqual(['two']);
    expect(f.follower.marks()).toEqual([]);
  });

  test('stays what it was when the control plane refuses the change, with the reason in the status', async () => {
    const f = follow({ bad: [{ kind: 'refused', reason: 'networking.address: is missing' }] });
    await f.change('bad');
    f.clock.advance(3_600_000);
    await f.settle();
    expect(f.asked).toEqual(['bad']);
    expect(f.brought).toEqual([]);
    expect(f.follower.marks()).toEqual([
      'the changed Dataplane is refused, the one before stays: networking.address: is missing',
    ]);
    await f.change('one');
    expect(f.follower.marks()).toEqual([]);
  });

  test('is asked about again until the control plane can be reached', async () => {
    const away: Verdict = { kind: 'unknown', reason: 'nothing listens' };
    const f = follow({ two: [away, away] });
    await f.change('two');
    expect(f.follower.marks()).toHaveLength(1);
    for (let i = 0; i < 2; i++) {
      f.clock.advance(10_000);
      await f.settle();
    }
    expect(f.brought).toEqual(['two']);
    expect(f.follower.marks()).toEqual([]);
  });

  test('counts as its newest self when it changes again while the control plane is asked', async () => {
    const f = follow({});
    void f.change('two');
    await f.change('three');
    await f.settle();
    expect(f.brought).toEqual(['three']);
  });

  test('that changed before anybody followed it is brought at the start', async () => {
    const f = follow({}, 'newer');
    await f.settle();
    expect(f.brought).toEqual(['newer']);
  });

  test('is left alone once the agent stops', async () => {
    const f = follow({ two: [{ kind: 'unknown', reason: '' }] });
    await f.change('two');
    f.follower.stop();
    f.clock.advance(60_000);
    await f.settle();
    expect(f.brought).toEqual([]);
    expect(f.clock.pending).toBe(0);
  });
});
