import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import { tally } from './support/calls.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';
import {
  adminPage,
  applyReviews,
  OUTBOUND,
  REVIEWS_URL,
  startReviews,
  versionOf,
} from './support/reviews.ts';

const CALLS = 600;
let mesh: TestMesh;

/** The document at the end of the article, as it is written there but for the third destination. */
const articleRoute = (third: string) => `type: TrafficRoute
name: route-1
mesh: bookinfo
rules:
  - sources:
      - match:
          app: bookinfo
          service: productpage
    destinations:
      - match:
          app: bookinfo
          service: reviews
    conf:
      - weight: 80
        destination:
          - service: reviews
            version: v1
      - weight: 10
        destination:
          - service: reviews
            version: v2
      - weight: 10
        destination:
          - service: ${third}
            version: v3`;

/** Share of each outcome in percent. */
async function shares(): Promise<Record<string, number>> {
  const counts = await tally(REVIEWS_URL, CALLS, versionOf);
  return Object.fromEntries(Object.entries(counts).map(([k, n]) => [k, (100 * n) / CALLS]));
}

/** The whole listener of the outbound, with the kind of its network filter. */
async function outboundFilter(): Promise<string> {
  const dump = await adminPage(mesh, '/config_dump?resource=dynamic_listeners');
  const listener = dump.slice(dump.indexOf(`outbound:127.0.0.1:${OUTBOUND}`));
  return /envoy\.filters\.network\.(tcp_proxy|http_connection_manager)/.exec(listener)?.[1] ?? 'none';
}

beforeAll(async () => {
  mesh = await createTestMesh();
  await startReviews(mesh);
});

afterAll(() => mesh.close());

describe.each([
  { protocol: 'tcp', filter: 'tcp_proxy' },
  { protocol: 'http', filter: 'http_connection_manager' },
] as const)('the TrafficRoute of the article over $protocol', ({ protocol, filter }) => {
  test('without a route every version gets its share', async () => {
    await mesh.shell.run('kumactl delete traffic-route route-1 -m bookinfo');
    await applyReviews(mesh, protocol);
    await waitUntil(async () => (await outboundFilter()) === filter);
    await waitUntil(
      async () =>
        Object.keys(await shares())
          .sort()
          .join() === 'v1,v2,v3',
    );
  });

  test('as written, the slip is warned about and costs its ten percent', async () => {
    const { stderr } = await mesh.apply(articleRoute('backend'));
    expect(stderr).toContain('backend');
    await waitUntil(async () => (await shares()).failed !== undefined);
    const seen = await shares();
    expect(seen.v1).toSatisfy((v: number) => Math.abs(v - 80) <= 8);
    expect(seen.v2).toSatisfy((v: number) => Math.abs(v - 10) <= 8);
    expect(seen.failed).toSatisfy((v: number) => Math.abs(v - 10) <= 8);
    expect(seen.v3).toBeUndefined();
  });

  test('with the slip mended the third version gets it', async () => {
    const { stderr } = await mesh.apply(articleRoute('reviews'));
    expect(stderr).not.toContain('backend');
    await waitUntil(async () => (await shares()).failed === undefined);
    const seen = await shares();
    expect(seen.v1).toSatisfy((v: number) => Math.abs(v - 80) <= 8);
    expect(seen.v2).toSatisfy((v: number) => Math.abs(v - 10) <= 8);
    expect(seen.v3).toSatisfy((v: number) => Math.abs(v - 10) <= 8);
  });
});
