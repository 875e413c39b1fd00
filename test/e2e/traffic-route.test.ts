import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitUntil } from '../support/processes.ts';
import { INSTANCES } from './support/bookinfo.ts';
import { type CallResult, tally } from './support/calls.ts';
import { createTestMesh, type TestMesh } from './support/mesh.ts';

const OUTBOUND = 10505;
const CALLS = 600;
const reviews = INSTANCES.filter((i) => i.service === 'reviews');
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

const dataplane = (name: string, inbound: string, outbound = '') => `type: Dataplane
mesh: bookinfo
name: ${name}
networking:
  address: 127.0.0.1
  inbound:
${inbound}${outbound}`;

const inbound = (port: number, servicePort: number, tags: string) => `  - port: ${port}
    servicePort: ${servicePort}
    tags: {app: bookinfo, ${tags}}
`;

function versionOf({ outcome, body }: CallResult): string {
  return outcome === 200 ? (/reviews-(v\d)/.exec(body)?.[1] ?? 'unknown') : 'failed';
}

/** Share of each outcome in percent. */
async function shares(): Promise<Record<string, number>> {
  const counts = await tally(`http://127.0.0.1:${OUTBOUND}/reviews/0`, CALLS, versionOf);
  return Object.fromEntries(Object.entries(counts).map(([k, n]) => [k, (100 * n) / CALLS]));
}

async function applyAll(protocol: string): Promise<void> {
  for (const { name, version, port } of reviews) {
    await mesh.apply(
      dataplane(name, inbound(port + 1, port, `kuma.io/service: reviews, version: ${version}, kuma.io/protocol: ${protocol}`)),
    );
  }
  const outbound = `  outbound:\n  - port: ${OUTBOUND}\n    tags: {kuma.io/service: reviews}\n`;
  await mesh.apply(dataplane('productpage-v1', inbound(10501, 10500, `kuma.io/service: productpage, kuma.io/protocol: ${protocol}`), outbound));
}

/** The whole listener of the outbound, with the kind of its network filter. */
async function outboundFilter(): Promise<string> {
  const dump = await mesh.shell.ok("curl -sf 'http://127.0.0.1:9906/config_dump?resource=dynamic_listeners'");
  const listener = dump.slice(dump.indexOf(`outbound:127.0.0.1:${OUTBOUND}`));
  return /envoy\.filters\.network\.(tcp_proxy|http_connection_manager)/.exec(listener)?.[1] ?? 'none';
}

beforeAll(async () => {
  mesh = await createTestMesh();
  await mesh.startControlPlane();
  await mesh.apply('type: Mesh\nname: bookinfo');
  await applyAll('tcp');
  for (const instance of reviews) {
    await mesh.startService(instance, { ENABLE_RATINGS: 'false' });
    await mesh.startProxy(instance.name);
  }
  await mesh.startProxy('productpage-v1', '--admin-port 9906');
});

afterAll(() => mesh.close());

describe.each([
  { protocol: 'tcp', filter: 'tcp_proxy' },
  { protocol: 'http', filter: 'http_connection_manager' },
])('the TrafficRoute of the article over $protocol', ({ protocol, filter }) => {
  test('without a route every version gets its share', async () => {
    await mesh.shell.run('kumactl delete traffic-route route-1 -m bookinfo');
    await applyAll(protocol);
    await waitUntil(async () => (await outboundFilter()) === filter);
    await waitUntil(async () => Object.keys(await shares()).sort().join() === 'v1,v2,v3');
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
