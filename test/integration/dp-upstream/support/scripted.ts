import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { StreamRefused } from '../../../../src/xds/callbacks.ts';
import { startAdsServer, type TestAdsServer } from '../../../support/ads-server.ts';
import { snapshotOf, staticCluster } from '../../../support/xds-resources.ts';
import { type Answer, bootstrapWith, startControlPlane } from '../../dp/support/control-plane.ts';

/** A control plane with a bootstrap server and an xDS server, both of which do as they are told. */
export interface Scripted {
  readonly url: string;
  /** Tokens of the bootstrap requests and of the streams, '' for none, in their order. */
  readonly bootstrapTokens: () => readonly string[];
  readonly streamTokens: readonly string[];
  /** Streams that are open. */
  readonly open: () => number;
  /** Which tokens it takes; '' for every other too. */
  accept(token: string): void;
  /** What the bootstrap server answers from here on; undefined as at the start. */
  answer(next: Answer | undefined): void;
  readonly calls: () => readonly string[];
  close(): Promise<void>;
}

export async function startScripted(): Promise<Scripted> {
  let accepted = '';
  const streamTokens: string[] = [];
  const streams = new Set<number>();
  const ads: TestAdsServer = await startAdsServer({
    callbacks: {
      authorize({ headers }) {
        const token = headers.get('authorization') ?? '';
        streamTokens.push(token);
        if (accepted !== '' && token !== accepted)
          throw new StreamRefused('UNAUTHENTICATED', 'authentication failed: token is not valid');
      },
      async onOpen({ id }) {
        streams.add(id);
      },
      onClosed: ({ id }) => void streams.delete(id),
    },
  });
  ads.cache.set('default.a', snapshotOf([staticCluster('one')]));
  const usual: Answer = (call, response) => {
    const { dataplaneToken: token = '' } = call.body;
    if (call.path === '/bootstrap' && accepted !== '' && token !== accepted)
      return void response.writeHead(401).end('authentication failed: token is not valid');
    bootstrapWith(dynamic(ads.target.port ?? 0, String(token)))(call, response);
  };
  const server = await startControlPlane(usual);
  return {
    url: server.url,
    streamTokens,
    bootstrapTokens: () =>
      server.calls
        .filter(({ path }) => path === '/bootstrap')
        .map(({ body }) => String(body.dataplaneToken ?? '')),
    calls: () => server.calls.map(({ path }) => path),
    open: () => streams.size,
    accept(token) {
      accepted = token;
    },
    answer: (next) => server.answerWith(next ?? usual),
    async close() {
      await Promise.all([server.close(), ads.stop()]);
    },
  };
}

/** What leads Envoy, or a relay, to the xDS server. */
function dynamic(port: number, token: string): object {
  const service = {
    envoy_grpc: { cluster_name: 'ads_cluster' },
    ...(token === '' ? {} : { initial_metadata: [{ key: 'authorization', value: token }] }),
  };
  return {
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '1s' },
      cds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '1s' },
      ads_config: { api_type: 'DELTA_GRPC', transport_api_version: 'V3', grpc_services: [service] },
    },
    static_resources: {
      clusters: [
        {
          name: 'ads_cluster',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'ads_cluster',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  };
}

/** Answers every connection with the same bytes, or with nothing at all. */
export async function startNoise(bytes: string): Promise<{ url: string; port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    if (bytes !== '') socket.write(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
