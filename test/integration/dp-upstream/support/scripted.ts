import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { StreamRefused } from '../../../../src/xds/callbacks.ts';
import { startAdsServer, type TestAdsServer } from '../../../support/ads-server.ts';
import { allocatePort } from '../../../support/ports.ts';
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
  /** The ways to its two servers. */
  readonly bootstrap: Way;
  readonly xds: Way;
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
  const xds = await openWay(ads.target.port ?? 0);
  ads.cache.set('default.a', snapshotOf([staticCluster('one')]));
  const usual: Answer = (call, response) => {
    const { dataplaneToken: token = '' } = call.body;
    if (call.path === '/bootstrap' && accepted !== '' && token !== accepted)
      return void response.writeHead(401).end('authentication failed: token is not valid');
    bootstrapWith(dynamic(xds.port, String(token)))(call, response);
  };
  const server = await startControlPlane(usual);
  const bootstrap = await openWay(Number(new URL(server.url).port));
  return {
    url: `http://127.0.0.1:${bootstrap.port}`,
    bootstrap,
    xds,
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
      for (const way of [bootstrap, xds]) way.close();
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

/** A port that leads to another one, as long as it is told to. */
export interface Way {
  readonly port: number;
  /** Connections break, and new ones are refused. */
  close(): void;
  /** Connections stay, and nothing moves on them, nor on new ones. */
  freeze(): void;
  /** New connections get these bytes and nothing else; those that are there break. */
  babble(bytes: string): void;
  /** Whatever goes through from here on is this much late, each way. */
  slow(ms: number): void;
  /** As at the start. Frozen connections break. */
  reopen(): Promise<void>;
}

async function openWay(target: number): Promise<Way> {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  // Nobody else gets it while the way is closed.
  const port = await allocatePort();
  let delayMs = 0;
  let mode: 'pass' | 'frozen' | { readonly bytes: string } = 'pass';
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const late = () =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (delayMs === 0) return done(null, chunk);
        setTimeout(() => this.destroyed || this.push(chunk), delayMs);
        done();
      },
      flush(done) {
        setTimeout(done, delayMs);
      },
    });
  const accept = (socket: Socket): void => {
    keep(socket);
    if (mode === 'frozen') return;
    if (mode !== 'pass') return void socket.write(mode.bytes);
    const onward = keep(connect(target, '127.0.0.1'));
    socket.pipe(late()).pipe(onward).pipe(late()).pipe(socket);
    // What is on its way arrives before the end does.
    socket.on('close', () => setTimeout(() => onward.destroy(), delayMs + 20));
    onward.on('close', () => setTimeout(() => socket.destroy(), delayMs + 20));
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const listen = async (): Promise<void> => {
    const next = createTcpServer(accept);
    server = next;
    await new Promise<void>((resolve) => next.listen(port, '127.0.0.1', resolve));
  };
  const way: Way = {
    port,
    close() {
      server?.close();
      server = undefined;
      cut();
    },
    freeze() {
      mode = 'frozen';
      for (const socket of sockets) socket.unpipe().pause();
    },
    slow(ms) {
      delayMs = ms;
    },
    babble(bytes) {
      mode = { bytes };
      cut();
    },
    async reopen() {
      mode = 'pass';
      delayMs = 0;
      cut();
      if (server === undefined) await listen();
    },
  };
  await listen();
  return way;
}
