import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { ENDPOINT } from '../../../src/envoy/type-urls.ts';
import { startFleet } from '../../support/fleet.ts';
import type { Measurement, Row } from '../row.ts';

const PROXIES = 1000;
const CLUSTERS = 20;

/** The protocol server alone, without a mesh behind it: what the control plane's own rows cannot fall below. */
export const row: Row = {
  name: 'xds-server',
  async run() {
    return [...(await withServer('delta')), ...(await withServer('sotw'))];
  },
};

/** A server of its own for each variant: memory once taken is not given back. */
async function withServer(mode: 'delta' | 'sotw'): Promise<Measurement[]> {
  const server = fork(new URL('../synthetic-server.ts', import.meta.url), [
    String(PROXIES),
    String(CLUSTERS),
  ]);
  try {
    return await measure(server, mode);
  } finally {
    server.disconnect();
    await once(server, 'exit');
  }
}

async function measure(server: ChildProcess, mode: 'delta' | 'sotw'): Promise<Measurement[]> {
  const port = Number((await messageOf(server, 'ready')).port);
  const fleet = startFleet({ count: PROXIES, target: { port }, mode, nodeId: (i) => `m.${i}` });
  try {
    const warm = await fleet.allWarm();
    const { version } = await ask(server, 'change', 'changing');
    const changed = await fleet.waitUntilAll(
      (proxy) => proxy.held(ENDPOINT).get('service-0')?.version === version,
    );
    const { rss } = await ask(server, 'usage', 'usage');
    const what = `xds server, ${mode}, ${PROXIES} proxies`;
    return [
      { name: `${what}: connect to all warm`, value: warm.lastMs, unit: 'ms', budget: 8000 },
      { name: `${what}: endpoint change to all`, value: changed.lastMs, unit: 'ms', budget: 300 },
      { name: `${what}: server memory`, value: Number(rss) / 1e6, unit: 'MB', budget: 300 },
      { name: `${what}: memory of the fleet itself`, value: process.memoryUsage.rss() / 1e6, unit: 'MB' },
    ];
  } finally {
    fleet.close();
  }
}

async function ask(server: ChildProcess, question: string, kind: string): Promise<Record<string, unknown>> {
  const answer = messageOf(server, kind);
  server.send(question);
  return await answer;
}

function messageOf(server: ChildProcess, kind: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error('the synthetic server ended too early')));
    server.on('message', function listen(message: Record<string, unknown>) {
      if (message.kind !== kind) return;
      server.off('message', listen);
      resolve(message);
    });
  });
}
