import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Call {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly headers: IncomingMessage['headers'];
}

export type Answer = (call: Call, response: ServerResponse) => void;

/** A control plane that says what it is told to say, over plain HTTP on a free port. */
export async function startControlPlane(answer: Answer = bootstrapWith()) {
  const calls: Call[] = [];
  let current = answer;
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const call = {
        path: request.url ?? '',
        body: JSON.parse(text || '{}') as Record<string, unknown>,
        headers: request.headers,
      };
      calls.push(call);
      current(call, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    answerWith: (next: Answer) => {
      current = next;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers /bootstrap with a static bootstrap, in the form of today, and /leave with 200. */
export function bootstrapWith(extra: object = {}): Answer {
  return ({ path, body }, response) => {
    if (path === '/leave') return void response.writeHead(200).end();
    if (path !== '/bootstrap') return void response.writeHead(404).end('404 page not found\n');
    const bootstrap = {
      node: {
        id: `${body.mesh}.${body.name}`,
        cluster: 'test',
        metadata: { 'dataplane.admin.port': '9901' },
      },
      admin: { address: { socketAddress: { address: '127.0.0.1', portValue: 9901 } } },
      ...extra,
    };
    const reply = {
      bootstrap: Buffer.from(JSON.stringify(bootstrap)).toString('base64'),
      kumaSidecarConfiguration: {
        networking: { address: '127.0.0.1', corefileTemplate: null },
        metrics: { aggregate: null },
      },
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  };
}

/** A listener on a given port that answers every connection with a text, for a real Envoy. */
export function echoListener(port: number, text: string): object {
  return {
    static_resources: {
      listeners: [
        {
          name: `inbound:127.0.0.1:${port}`,
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [
            {
              filters: [
                {
                  name: 'hcm',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    stat_prefix: 'test',
                    route_config: {
                      virtual_hosts: [
                        {
                          name: 'all',
                          domains: ['*'],
                          routes: [
                            {
                              match: { prefix: '/' },
                              direct_response: { status: 200, body: { inline_string: text } },
                            },
                          ],
                        },
                      ],
                    },
                    http_filters: [
                      {
                        name: 'router',
                        typed_config: {
                          '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                        },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  };
}
