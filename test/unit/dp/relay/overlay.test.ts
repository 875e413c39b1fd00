import { describe, expect, test } from 'vitest';
import { parseBootstrapReply } from '../../../../src/dp/bootstrap/reply.ts';
import { readOverlayTemplates } from '../../../../src/dp/bootstrap/templates.ts';
import { overlayRelay } from '../../../../src/dp/relay/overlay.ts';
import { parseRelayTarget } from '../../../../src/dp/relay/target.ts';
import type { JsonObject } from '../../../../src/lib/json.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
const TOKEN = 'eyJ.token';

/** In the spelling and shape of the real kuma-cp: camelCase, two names to verify, one secret for the CA. */
function received(change: { apiType?: string; hds?: boolean; sni?: string } = {}): JsonObject {
  const config = {
    apiType: change.apiType ?? 'GRPC',
    transportApiVersion: 'V3',
    setNodeOnFirstMessageOnly: true,
    grpcServices: [
      { envoyGrpc: { clusterName: 'cp' }, initialMetadata: [{ key: 'Authorization', value: TOKEN }] },
    ],
  };
  const bootstrap = {
    node: { id: 'm.a', metadata: { 'dataplane.admin.port': '9901', version: { kumaDp: {} } } },
    dynamicResources: { adsConfig: config, ldsConfig: { ads: {} }, cdsConfig: { ads: {} } },
    ...(change.hds === false ? {} : { hdsConfig: config }),
    staticResources: {
      clusters: [
        { name: 'sink', loadAssignment: { clusterName: 'sink' } },
        {
          name: 'cp',
          loadAssignment: {
            endpoints: [
              {
                lbEndpoints: [
                  { endpoint: { address: { socketAddress: { address: 'cp.test', portValue: 5678 } } } },
                ],
              },
            ],
          },
          transportSocket: {
            typedConfig: {
              commonTlsContext: { validationContextSdsSecretConfig: { name: 'ca' } },
              sni: change.sni ?? 'cp.test',
            },
          },
        },
      ],
      secrets: [
        {
          name: 'ca',
          validationContext: {
            trustedCa: { inlineBytes: Buffer.from(PEM).toString('base64') },
            matchTypedSubjectAltNames: [
              { sanType: 'DNS', matcher: { exact: 'cp.test' } },
              { sanType: 'IP_ADDRESS', matcher: { exact: 'cp.test' } },
            ],
          },
        },
        { name: 'other', genericSecret: {} },
      ],
    },
  };
  const body = JSON.stringify({ bootstrap: Buffer.from(JSON.stringify(bootstrap)).toString('base64') });
  return parseBootstrapReply({ status: 200, headers: {}, body });
}

describe('where the relay finds the control plane', () => {
  test('address, CA, names, token and variant are read out of a received bootstrap', () => {
    expect(parseRelayTarget(received(), { skipVerify: false })).toEqual({
      ok: true,
      target: {
        endpoints: [
          {
            host: 'cp.test',
            port: 5678,
            tls: { ca: PEM, names: ['cp.test', 'cp.test'], sni: 'cp.test', verify: true },
          },
        ],
        metadata: { authorization: TOKEN },
        prefers: 'sotw',
        hds: true,
      },
    });
    const delta = parseRelayTarget(received({ apiType: 'DELTA_GRPC', hds: false }), { skipVerify: false });
    expect(delta).toMatchObject({ ok: true, target: { prefers: 'delta', hds: false } });
  });

  test('a bootstrap without xDS, or with one that cannot be relayed, is told with the reason', () => {
    const parse = (bootstrap: JsonObject) => parseRelayTarget(bootstrap, { skipVerify: false });
    expect(parse({ node: {} })).toEqual({ ok: false, reason: 'the bootstrap has no ads_config' });
    const google = { ads_config: { grpc_services: [{ google_grpc: { target_uri: 'x' } }] } };
    expect(parse({ dynamic_resources: google })).toMatchObject({ ok: false });
    const { static_resources: _gone, ...rest } = received();
    expect(parse(rest)).toEqual({ ok: false, reason: 'there is no static cluster "cp"' });
  });
});

describe('the bootstrap Envoy gets', () => {
  const options = {
    template: readOverlayTemplates().relay,
    socketPath: '/run/x/xds.sock',
    epoch: 3,
    hds: true,
  };

  test('leads to the relay alone: no token, no address and no CA of the control plane are in it', () => {
    const bootstrap = overlayRelay(received(), options);
    const text = JSON.stringify(bootstrap);
    for (const secret of [TOKEN, 'cp.test', Buffer.from(PEM).toString('base64')])
      expect(text).not.toContain(secret);
    expect(text).toContain('/run/x/xds.sock');
    expect(bootstrap).toMatchObject({
      node: { id: 'm.a', metadata: { version: { kumaDp: {} } } },
      dynamic_resources: {
        lds_config: { ads: {} },
        ads_config: { grpc_services: [{ initial_metadata: [{ key: 'x-kuma-dp-epoch', value: '3' }] }] },
      },
      hds_config: { grpc_services: [{ envoy_grpc: { cluster_name: 'kuma_dp_relay' } }] },
      static_resources: {
        clusters: [{ name: 'sink' }, { name: 'kuma_dp_relay' }],
        secrets: [{ name: 'other' }],
      },
    });
  });

  test('has health discovery only if the control plane asked for it', () => {
    expect(overlayRelay(received({ hds: false }), { ...options, hds: false }).hds_config).toBeUndefined();
  });
});
