import type { Row } from '../row.ts';
import { endpointChange, routeChange, timeChanges, withFleet } from '../support/fleet-run.ts';
import { percentile } from '../support/statistics.ts';

const CHANGES = { times: 20, pauseMs: 300 };

export const row: Row = {
  name: 'fleet-200',
  run: () =>
    withFleet(200, async (run) => {
      // The first route of a service makes its clusters; counted apart from changes of weights.
      const first = await timeChanges(run, routeChange, { times: 1, pauseMs: 300 });
      const endpoint = await timeChanges(run, endpointChange, CHANGES);
      const route = await timeChanges(run, routeChange, CHANGES);
      const what = '200 proxies';
      return [
        { name: `${what}: connect to all warm`, value: run.warmMs, unit: 'ms', budget: 1500 },
        {
          name: `${what}: endpoint, PUT to all, p99`,
          value: percentile(endpoint, 0.99),
          unit: 'ms',
          budget: 100,
        },
        { name: `${what}: endpoint, PUT to all, median`, value: percentile(endpoint, 0.5), unit: 'ms' },
        {
          name: `${what}: TrafficRoute, PUT to all, p99`,
          value: percentile(route, 0.99),
          unit: 'ms',
          budget: 100,
        },
        { name: `${what}: TrafficRoute, PUT to all, median`, value: percentile(route, 0.5), unit: 'ms' },
        {
          name: `${what}: first TrafficRoute (new clusters), last proxy`,
          value: first.at(-1) ?? 0,
          unit: 'ms',
          budget: 100,
        },
      ];
    }),
};
