import { expect, test } from 'vitest';
import { createFleet, type Fleet } from '../../../src/dp/fleet.ts';
import type { Epochs } from '../../../src/dp/hot-restart/epochs.ts';
import type { EnvoyPlan } from '../../../src/dp/plan.ts';
import type { EnvoyStart, RunningEnvoy } from '../../../src/dp/running-envoy.ts';

const plan = {} as EnvoyPlan;

/** An Envoy that lives until `die`. */
interface Dummy extends RunningEnvoy {
  readonly start: EnvoyStart;
  die(): Promise<void>;
}

function dummy(start: EnvoyStart): Dummy {
  let end = () => {};
  const exited = new Promise<{ reason: string }>((resolve) => {
    end = () => resolve({ reason: 'died' });
  });
  const die = async () => {
    end();
    await exited;
  };
  return { start, die, exited, epoch: start.epoch } as unknown as Dummy;
}

function fleetWith(epochs?: Partial<Epochs>): { fleet: Fleet; alone: () => Dummy } {
  const fleet = createFleet({ start: dummy }, epochs as Epochs | undefined);
  return { fleet, alone: () => fleet.startAlone(plan) as Dummy };
}

test('the first Envoy and whoever comes when none lives makes everything anew', async () => {
  const { alone } = fleetWith();
  const first = alone();
  await first.die();
  expect(alone().start).toMatchObject({ epoch: 0, mayLackParent: false });
});

test('whoever starts beside a draining Envoy shares no socket with it, and takes it not for its parent', async () => {
  const { fleet, alone } = fleetWith();
  const draining = alone();
  let serving = fleet.start(fleet.next(draining, plan)) as Dummy;
  for (let crashes = 0; crashes < 5; crashes++) {
    await serving.die();
    const before = serving.epoch;
    serving = alone();
    expect(serving.start.mayLackParent).toBe(true);
    expect(serving.epoch).toBeGreaterThan(before);
    expect((serving.epoch - draining.epoch) % 3).toBe(2);
  }
  await draining.die();
  expect(fleet.next(serving, plan)).toMatchObject({ epoch: serving.epoch + 1, mayLackParent: false });
});

test('a wedged id is replaced at the next start, with and without another Envoy alive, and only once', async () => {
  let renewed = 0;
  const epochs = {
    wedged: true,
    renew() {
      renewed++;
      this.wedged = false;
    },
  };
  const { alone } = fleetWith(epochs);
  const first = alone();
  expect({ epoch: first.epoch, renewed }).toEqual({ epoch: 0, renewed: 1 });
  epochs.wedged = true;
  expect({ epoch: alone().epoch, renewed }).toEqual({ epoch: 0, renewed: 2 });
  await first.die();
});
