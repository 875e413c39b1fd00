import { execFile } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readGoldens } from '../../support/golden.ts';

/** Golden files of generated configuration, as Envoy's own JSON. */
interface Golden {
  readonly listeners: readonly object[];
  readonly clusters: readonly { readonly name: string }[];
  readonly routes: readonly { readonly name: string }[];
  readonly endpoints: readonly { readonly cluster_name: string }[];
}

const root = join(import.meta.dirname, '..', '..', '..');
const goldens = [...readGoldens(join(root, 'test', 'unit', 'cp', 'generate', 'testdata'))];

describe('the real Envoy accepts what the generator makes', () => {
  // Without a single warning, so nothing deprecated either.
  test.each(goldens)('%s', async (_name, golden) => {
    expect(await validate(toBootstrap(golden as Golden))).toEqual({
      code: 0,
      text: expect.stringMatching(/^configuration '.*' OK$/),
    });
  });

  test('and would have refused a listener that is wrong', async () => {
    const { code, text } = await validate({
      static_resources: { listeners: [{ name: 'inbound:10.0.0.1:80' }] },
    });
    expect(code).toBe(1);
    expect(text).toContain('inbound:10.0.0.1:80');
  });
});

/** Everything as static resources: routes inside a listener of their own, endpoints inside a cluster of their own. */
function toBootstrap({ listeners, clusters, routes, endpoints }: Golden): object {
  return {
    node: { id: 'default.golden', cluster: 'golden' },
    // Clusters and route names that point to the stream need one to be there; validation does not open it.
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'ads' } }],
      },
    },
    static_resources: {
      listeners: [...listeners, ...routes.map(listenerAround)],
      clusters: [
        ...clusters,
        ...endpoints.map((assignment, i) => {
          const name = `assignment-${i}`;
          const load_assignment = { ...assignment, cluster_name: name };
          return { name, type: 'STATIC', connect_timeout: '1s', load_assignment };
        }),
        {
          name: 'ads',
          type: 'STATIC',
          connect_timeout: '1s',
          ...http2,
          load_assignment: { cluster_name: 'ads' },
        },
      ],
    },
  };
}

const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function listenerAround(route: { readonly name: string }, index: number): object {
  return {
    name: `around ${route.name}`,
    address: { socket_address: { address: '127.0.0.1', port_value: 60_000 + index } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: 'around',
              // The clusters it names have to exist here.
              route_config: { ...route, validate_clusters: true },
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
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
  };
}

async function validate(bootstrap: object): Promise<{ readonly code: number; readonly text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'envoy-validate-'));
  try {
    const file = join(folder, 'bootstrap.json');
    await writeFile(file, JSON.stringify(bootstrap));
    return await new Promise((resolve) => {
      execFile(
        findEnvoy(),
        ['--mode', 'validate', '-l', 'warning', '-c', file],
        { timeout: 50_000 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
          resolve({ code, text: (stdout + stderr).trim() });
        },
      );
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Given, else what the set-up put into the repository's cache. Without one the test fails: none is exempt. */
function findEnvoy(): string {
  const found =
    process.env.ENVOY_BINARY ??
    globSync(join(root, '.cache', 'envoy', '*', 'envoy'))
      .sort()
      .at(-1);
  if (found !== undefined && existsSync(found)) return found;
  throw new Error(
    `no Envoy under ${dirname(join(root, '.cache', 'envoy', '*'))}; run ./scripts/setup or set ENVOY_BINARY`,
  );
}
