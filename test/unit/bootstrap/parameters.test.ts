import { describe, expect, test } from 'vitest';
import { loadTemplate } from '../../../src/bootstrap/load-template.ts';
import { mergeTrees } from '../../../src/bootstrap/merge.ts';
import { type SidecarBootstrap, toSidecarParameters } from '../../../src/bootstrap/parameters.ts';
import { renderTemplate } from '../../../src/bootstrap/template.ts';

const sidecar: SidecarBootstrap = {
  nodeId: 'bookinfo.reviews-v1',
  nodeCluster: 'reviews',
  nodeMetadata: { 'dataplane.proxyType': 'dataplane' },
  admin: { kind: 'socket', path: '/run/x/kuma-envoy-admin.sock' },
  ads: { host: '127.0.0.1', port: 5678, delta: true, caPem: 'PEM' },
};

const render = (changes: Partial<SidecarBootstrap> = {}) =>
  renderTemplate(loadTemplate('sidecar'), toSidecarParameters({ ...sidecar, ...changes }));

describe('the sidecar bootstrap', () => {
  test('reaches an address without name resolution and checks it as an address', () => {
    expect(render()).toMatchObject({
      static_resources: {
        clusters: [{ type: 'STATIC' }],
        secrets: [{ validation_context: { match_typed_subject_alt_names: [{ san_type: 'IP_ADDRESS' }] } }],
      },
    });
    expect(JSON.stringify(render())).not.toContain('"sni"');
  });

  test('reaches a name by DNS and tells it as SNI', () => {
    const text = JSON.stringify(render({ ads: { ...sidecar.ads, host: 'cp.example' } }));
    expect(text).toContain('"sni":"cp.example"');
    expect(text).toContain('"STRICT_DNS"');
  });

  test('asks for delta or state of the world as it is told', () => {
    expect(render()).toMatchObject({ dynamic_resources: { ads_config: { api_type: 'DELTA_GRPC' } } });
    expect(render({ ads: { ...sidecar.ads, delta: false } })).toMatchObject({
      dynamic_resources: { ads_config: { api_type: 'GRPC' } },
    });
  });
});

describe('an admin overlay', () => {
  test('turns the admin of any bootstrap into a unix socket', () => {
    const overlay = renderTemplate(loadTemplate('overlays/admin-socket'), {
      adminSocketPath: '/run/y/admin.sock',
    });
    const received = {
      admin: { access_log: [], address: { socket_address: { port_value: 9901 } } },
      node: { id: 'a.b' },
    };
    expect(mergeTrees(received, overlay)).toEqual({
      admin: { address: { pipe: { path: '/run/y/admin.sock', mode: 0o600 } } },
      node: { id: 'a.b' },
    });
  });

  test('turns it into one port on loopback', () => {
    const overlay = renderTemplate(loadTemplate('overlays/admin-port'), { adminPort: 9901 });
    expect(mergeTrees(render(), overlay)).toMatchObject({
      admin: { address: { socket_address: { address: '127.0.0.1', port_value: 9901 } } },
    });
    expect(JSON.stringify(mergeTrees(render(), overlay))).not.toContain('"pipe"');
  });
});
