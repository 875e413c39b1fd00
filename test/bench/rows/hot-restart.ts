import { startTraffic } from '../../support/traffic.ts';
import type { Row } from '../row.ts';
import { served, startAgentBench } from '../support/agent.ts';
import { median } from '../support/statistics.ts';

const TIMES = 5;
/** Short, so that each hand-over does not wait 45 s for the one before. */
const ARGUMENTS = ['--drain-time', '2s', '--parent-shutdown-time', '4s'];

/** Hot restarts in a row under load with keep-alive, new connections and HTTP/2: what they cost the clients. */
export const row: Row = {
  name: 'hot-restart',
  async run() {
    const bench = await startAgentBench();
    try {
      const { name, port } = await bench.nextDataplane();
      const agent = bench.startAgent(name, ...ARGUMENTS);
      await served(port);
      await agent.waitForLine(/ ready/);
      const traffic = startTraffic({ httpPort: port });
      const times: number[] = [];
      for (let i = 0; i < TIMES; i++) {
        const begin = performance.now();
        await bench.restart(name);
        times.push(performance.now() - begin);
      }
      await traffic.end();
      const requests = Object.values(traffic.done).reduce((sum, count) => sum + count, 0);
      await agent.stop();
      return [
        { name: `hot restarts under load, ${TIMES}: requests`, value: requests, unit: 'requests' },
        {
          name: `hot restarts under load, ${TIMES}: failed`,
          value: traffic.failed.length,
          unit: 'requests',
          budget: 0,
        },
        // The later ones wait for the end of the Envoy before.
        { name: 'hot restart under load: command to served', value: times[0] ?? Number.NaN, unit: 'ms' },
        { name: 'hot restart while one is under way', value: median(times.slice(1)), unit: 'ms' },
      ];
    } finally {
      await bench.close();
    }
  },
};
