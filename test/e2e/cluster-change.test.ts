import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import { adminPage, CLIENT, startReviews } from './support/reviews.ts';

let mesh: TestMesh;
afterEach(() => mesh.close());

const routeWith = (loadBalancer: string) => `type: TrafficRoute
mesh: bookinfo
name: balance
sources: [{match: {kuma.io/service: "*"}}]
destinations: [{match: {kuma.io/service: reviews}}]
conf:
  loadBalancer: {${loadBalancer}: {}}
  destination: {kuma.io/service: reviews}`;

/** Load balancing policy of the active cluster: one that is warming does not count. */
async function activePolicy(): Promise<string> {
  const dump = JSON.parse(await adminPage(mesh, '/config_dump?resource=dynamic_active_clusters')) as {
    configs: { cluster: { name: string; lb_policy?: string } }[];
  };
  return dump.configs.find(({ cluster }) => cluster.name === 'reviews')?.cluster.lb_policy ?? 'ROUND_ROBIN';
}

async function acknowledgedClusters(): Promise<number> {
  const insight = JSON.parse(
    await mesh.shell.ok(`curl -sf localhost:5681/meshes/bookinfo/dataplane-insights/${CLIENT}`),
  ) as {
    subscriptions: { status: { cds: { responsesAcknowledged?: string } } }[];
  };
  return Number(insight.subscriptions.at(-1)?.status.cds.responsesAcknowledged ?? 0);
}

test.each([
  { variant: 'DELTA_GRPC', what: 'delta' },
  { variant: 'GRPC', what: 'state of the world' },
])(
  'a changed cluster with unchanged endpoints is active and acknowledged at once ($what)',
  async ({ variant }) => {
    mesh = await createTestMesh();
    await startReviews(mesh, {
      client: { KUMA_DATAPLANE_RUNTIME_ENVOY_XDS_TRANSPORT_PROTOCOL_VARIANT: variant },
    });
    await mesh.apply(routeWith('roundRobin'));
    for (const [loadBalancer, policy] of [
      ['leastRequest', 'LEAST_REQUEST'],
      ['random', 'RANDOM'],
    ] as const) {
      const acknowledged = await acknowledgedClusters();
      await mesh.apply(routeWith(loadBalancer));
      const start = performance.now();
      await waitUntil(
        async () => (await activePolicy()) === policy && (await acknowledgedClusters()) > acknowledged,
      );
      // Envoy waits 15 s for an assignment that is not sent again.
      expect(performance.now() - start).toBeLessThan(8_000);
    }
  },
);
