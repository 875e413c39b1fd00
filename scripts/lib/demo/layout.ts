/** One of the six instances: a service on loopback, and the data plane proxy others reach it through. */
export interface Instance {
  readonly name: string;
  /** Where the service itself listens, on 127.0.0.1. */
  readonly port: number;
  /** Where its proxy listens for others. */
  readonly proxyPort: number;
  /** Where its proxy listens for what the service calls: port by name. */
  readonly outbounds: Readonly<Record<string, number>>;
}

/** Ports as in the article and in examples/bookinfo. */
export const INSTANCES: readonly Instance[] = [
  { name: 'ratings-v1', port: 10000, proxyPort: 10001, outbounds: {} },
  { name: 'details-v1', port: 10100, proxyPort: 10101, outbounds: {} },
  { name: 'reviews-v1', port: 10200, proxyPort: 10201, outbounds: { ratings: 10202 } },
  { name: 'reviews-v2', port: 10300, proxyPort: 10301, outbounds: { ratings: 10302 } },
  { name: 'reviews-v3', port: 10400, proxyPort: 10401, outbounds: { ratings: 10402 } },
  {
    name: 'productpage-v1',
    port: 10500,
    proxyPort: 10501,
    outbounds: { ratings: 10502, details: 10503, reviews: 10504 },
  },
];

/** The control plane's: xDS and bootstrap, diagnostics, REST, REST over TLS. */
export const CONTROL_PLANE_PORTS = [5678, 5680, 5681, 5682];

export const LOOPBACK = '127.0.0.1';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly use: string;
}

/** Every socket the demo listens on when the proxies are at `ip`. */
export function endpoints(ip: string): readonly Endpoint[] {
  return [
    ...CONTROL_PLANE_PORTS.map((port) => ({ address: LOOPBACK, port, use: 'the control plane' })),
    ...INSTANCES.flatMap(({ name, port, proxyPort, outbounds }) => [
      { address: LOOPBACK, port, use: `the service ${name}` },
      { address: ip, port: proxyPort, use: `the proxy of ${name}` },
      ...Object.entries(outbounds).map(([to, at]) => ({
        address: ip,
        port: at,
        use: `the calls of ${name} to ${to}`,
      })),
    ]),
  ];
}
