import { INSTANCES, type Instance } from './bookinfo.ts';
import type { CallResult } from './calls.ts';
import type { TestMesh } from './mesh.ts';

/** Three versions of reviews and one client proxy with an outbound to them: the smallest mesh that balances. */
export const REVIEWS: readonly Instance[] = INSTANCES.filter((i) => i.service === 'reviews');
export const CLIENT = 'productpage-v1';
export const OUTBOUND = 10505;
export const CLIENT_ADMIN = 9906;
export const REVIEWS_URL = `http://127.0.0.1:${OUTBOUND}/reviews/0`;

export interface ReviewsOptions {
  readonly protocol?: 'tcp' | 'http';
  readonly controlPlane?: Record<string, string>;
  readonly client?: Record<string, string>;
}

/** Starts it all; the services do not call ratings. */
export async function startReviews(mesh: TestMesh, options: ReviewsOptions = {}): Promise<void> {
  await mesh.startControlPlane(options.controlPlane);
  await mesh.apply('type: Mesh\nname: bookinfo');
  await applyReviews(mesh, options.protocol ?? 'tcp');
  for (const instance of REVIEWS) {
    await mesh.startService(instance, { ENABLE_RATINGS: 'false' });
    await mesh.startProxy(instance.name);
  }
  await mesh.startProxy(CLIENT, `--admin-port ${CLIENT_ADMIN}`, options.client);
}

export async function applyReviews(mesh: TestMesh, protocol: 'tcp' | 'http'): Promise<void> {
  for (const { name, version, port } of REVIEWS) {
    await mesh.apply(
      dataplane(
        name,
        inbound(
          port + 1,
          port,
          `kuma.io/service: reviews, version: ${version}, kuma.io/protocol: ${protocol}`,
        ),
      ),
    );
  }
  const outbound = `  outbound:\n  - port: ${OUTBOUND}\n    tags: {kuma.io/service: reviews}\n`;
  await mesh.apply(
    dataplane(
      CLIENT,
      inbound(10501, 10500, `kuma.io/service: productpage, kuma.io/protocol: ${protocol}`),
      outbound,
    ),
  );
}

const dataplane = (name: string, inbounds: string, outbounds = '') => `type: Dataplane
mesh: bookinfo
name: ${name}
networking:
  address: 127.0.0.1
  inbound:
${inbounds}${outbounds}`;

const inbound = (port: number, servicePort: number, tags: string) => `  - port: ${port}
    servicePort: ${servicePort}
    tags: {app: bookinfo, ${tags}}
`;

/** `v1`, `v2`, `v3`, or `failed`. */
export function versionOf({ outcome, body }: CallResult): string {
  return outcome === 200 ? (/reviews-(v\d)/.exec(body)?.[1] ?? 'unknown') : 'failed';
}

/** A page of the client proxy's Envoy admin. */
export function adminPage(mesh: TestMesh, path: string): Promise<string> {
  return mesh.shell.ok(`curl -sf 'http://127.0.0.1:${CLIENT_ADMIN}${path}'`);
}

/** Addresses of the endpoints the client proxy has for reviews. */
export async function endpointsOfReviews(mesh: TestMesh): Promise<ReadonlySet<string>> {
  const clusters = await adminPage(mesh, '/clusters');
  return new Set(
    [...clusters.matchAll(/^reviews[^:]*::(\d+\.\d+\.\d+\.\d+:\d+)::/gm)].map(([, address]) => address ?? ''),
  );
}
