import type { Row } from '../row.ts';
import {
  cpuPerChange,
  endpointChange,
  idleCores,
  memory,
  rareChange,
  routeChange,
  timeChanges,
  withFleet,
} from '../support/fleet-run.ts';
import { percentile } from '../support/statistics.ts';

const CHANGES = { times: 10, pauseMs: 1_500 };
const COUNT = 1000;

export const row: Row = {
  name: 'fleet-1000',
  long: true,
  run: () =>
    withFleet(COUNT, async (run) => {
      const warm = memory(run);
      const idle = await idleCores(run);
      const first = await timeChanges(run, routeChange, { times: 1, pauseMs: 1_500 });
      const endpoint = await timeChanges(run, endpointChange, CHANGES);
      const route = await timeChanges(run, routeChange, CHANGES);
      const cpu = await cpuPerChange(run, () => rareChange(COUNT), 5);
      const cpuAll = await cpuPerChange(run, endpointChange, 5);
      const idleAfter = await idleCores(run);
      const end = memory(run);
      const what = '1000 proxies';
      return [
        { name: `${what}: connect to all warm`, value: run.warmMs, unit: 'ms', budget: 8000 },
        {
          name: `${what}: endpoint, PUT to all, p99`,
          value: percentile(endpoint, 0.99),
          unit: 'ms',
          budget: 300,
        },
        {
          name: `${what}: TrafficRoute, PUT to all, p99`,
          value: percentile(route, 0.99),
          unit: 'ms',
          budget: 300,
        },
        {
          name: `${what}: first TrafficRoute (new clusters), last proxy`,
          value: first.at(-1) ?? 0,
          unit: 'ms',
          budget: 300,
        },
        { name: `${what}: control plane RSS, just warm`, value: warm.rssMb, unit: 'MB' },
        { name: `${what}: control plane RSS, idle after changes`, value: end.rssMb, unit: 'MB', budget: 300 },
        { name: `${what}: control plane RSS, peak`, value: end.peakRssMb, unit: 'MB' },
        { name: `${what}: control plane CPU idle`, value: idle, unit: 'cores', budget: 0.02 },
        {
          name: `${what}: control plane CPU idle after changes`,
          value: idleAfter,
          unit: 'cores',
          budget: 0.02,
        },
        { name: `${what}: CPU of a change for 150 of them`, value: cpu, unit: 's', budget: 0.15 },
        { name: `${what}: CPU of a change for all`, value: cpuAll, unit: 's' },
      ];
    }),
};
