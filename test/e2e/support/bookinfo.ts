/** The six instances of the article: ports, tags, outbounds, and the admin port of each proxy. */
export interface Instance {
  readonly name: string;
  readonly service: string;
  readonly version: string;
  /** Port of the service; its inbound is the next one. */
  readonly port: number;
  readonly adminPort: number;
  readonly outbounds: readonly { readonly port: number; readonly service: string }[];
  /** A path that answers 200. */
  readonly path: string;
}

const reviews = (version: string, port: number, adminPort: number): Instance => ({
  name: `reviews-${version}`,
  service: 'reviews',
  version,
  port,
  adminPort,
  outbounds: [{ port: port + 2, service: 'ratings' }],
  path: '/reviews/0',
});

export const INSTANCES: readonly Instance[] = [
  {
    name: 'ratings-v1',
    service: 'ratings',
    version: 'v1',
    port: 10000,
    adminPort: 9901,
    outbounds: [],
    path: '/ratings/0',
  },
  {
    name: 'details-v1',
    service: 'details',
    version: 'v1',
    port: 10100,
    adminPort: 9902,
    outbounds: [],
    path: '/details/0',
  },
  reviews('v1', 10200, 9903),
  reviews('v2', 10300, 9904),
  reviews('v3', 10400, 9905),
  {
    name: 'productpage-v1',
    service: 'productpage',
    version: 'v1',
    port: 10500,
    adminPort: 9906,
    outbounds: [
      { port: 10502, service: 'ratings' },
      { port: 10503, service: 'details' },
      { port: 10504, service: 'reviews' },
    ],
    path: '/productpage',
  },
];

/** The document the article pipes into kumactl, `$IP` left to the shell. */
export function dataplaneYaml({ name, service, version, port, outbounds }: Instance): string {
  const inbound = [
    `  inbound:`,
    `  - interface: $IP:${port + 1}:${port}`,
    `    tags:`,
    `      app: bookinfo`,
    `      service: ${service}`,
    `      version: ${version}`,
  ];
  const outbound = outbounds.flatMap((o) => [
    `  - interface: $IP:${o.port}`,
    `    app: bookinfo`,
    `    service: ${o.service}`,
  ]);
  const head = ['type: Dataplane', 'mesh: bookinfo', `name: ${name}`, 'networking:'];
  return [...head, ...inbound, ...(outbound.length > 0 ? ['  outbound:', ...outbound] : [])].join('\n');
}

/** Starts our own service where the article starts a container. */
export function serviceCommand(
  { name, service, port, outbounds }: Instance,
  env: Record<string, string> = {},
): string {
  const known = Object.fromEntries(
    outbounds.flatMap((o) => [
      [`${o.service.toUpperCase()}_HOSTNAME`, '127.0.0.1'],
      [`${o.service.toUpperCase()}_PORT`, String(o.port)],
    ]),
  );
  const reviewsEnv =
    service !== 'reviews'
      ? {}
      : {
          ENABLE_RATINGS: String(name !== 'reviews-v1'),
          STAR_COLOR: name === 'reviews-v3' ? 'red' : 'black',
        };
  const all = { POD_NAME: name, ...known, ...reviewsEnv, ...env };
  const assignments = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  return `env ${assignments.join(' ')} bookinfo ${service} --port ${port}`;
}
