import type { JsonObject } from '../../../src/lib/json.ts';

/** One Bookinfo proxy of the article: its service, version, first port and outbounds by port. */
export interface ArticleProxy {
  readonly name: string;
  readonly service: string;
  readonly version: string;
  /** The application listens here, its proxy one above. */
  readonly port: number;
  readonly outbounds: Readonly<Record<string, string>>;
}

export const ARTICLE_IP = '127.0.0.1';

export const articleProxies: readonly ArticleProxy[] = [
  { name: 'ratings-v1', service: 'ratings', version: 'v1', port: 10000, outbounds: {} },
  { name: 'details-v1', service: 'details', version: 'v1', port: 10100, outbounds: {} },
  { name: 'reviews-v1', service: 'reviews', version: 'v1', port: 10200, outbounds: { '10202': 'ratings' } },
  { name: 'reviews-v2', service: 'reviews', version: 'v2', port: 10300, outbounds: { '10302': 'ratings' } },
  { name: 'reviews-v3', service: 'reviews', version: 'v3', port: 10400, outbounds: { '10402': 'ratings' } },
  {
    name: 'productpage-v1',
    service: 'productpage',
    version: 'v1',
    port: 10500,
    outbounds: { '10502': 'ratings', '10503': 'details', '10504': 'reviews' },
  },
  {
    name: 'productpage-v1',
    service: 'productpage',
    version: 'v1',
    port: 10500,
    outbounds: { '10502': 'ratings', '10503': 'details', '10505': 'reviews' },
  },
];

/** The document as the article writes it. */
export function articleDocument(proxy: ArticleProxy): JsonObject {
  const outbound = Object.entries(proxy.outbounds).map(([port, service]) => {
    return { interface: `${ARTICLE_IP}:${port}`, app: 'bookinfo', service };
  });
  const tags = { app: 'bookinfo', service: proxy.service, version: proxy.version };
  const inbound = [{ interface: `${ARTICLE_IP}:${proxy.port + 1}:${proxy.port}`, tags }];
  return {
    type: 'Dataplane',
    mesh: 'bookinfo',
    name: proxy.name,
    networking: { inbound, ...(outbound.length === 0 ? {} : { outbound }) },
  };
}

export const articleMesh: JsonObject = { type: 'Mesh', name: 'bookinfo', mtls: { enabled: false } };

export const articleRoute: JsonObject = {
  type: 'TrafficRoute',
  name: 'route-1',
  mesh: 'bookinfo',
  rules: [
    {
      sources: [{ match: { app: 'bookinfo', service: 'productpage' } }],
      destinations: [{ match: { app: 'bookinfo', service: 'reviews' } }],
      conf: [
        { weight: 80, destination: [{ service: 'reviews', version: 'v1' }] },
        { weight: 10, destination: [{ service: 'reviews', version: 'v2' }] },
        { weight: 10, destination: [{ service: 'backend', version: 'v3' }] },
      ],
    },
  ],
};
