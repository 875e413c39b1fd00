import { describe, expect, test } from 'vitest';
import { overlayBootstrap, readExpectations } from '../../../../src/dp/bootstrap/overlay.ts';
import { readOverlayTemplates } from '../../../../src/dp/bootstrap/templates.ts';

const templates = readOverlayTemplates();
const received = {
  node: {
    id: 'default.a',
    metadata: { 'dataplane.admin.port': '9901', 'dataplane.admin.socketPath': '/old' },
  },
  admin: {
    access_log: [{ name: 'x' }],
    address: { socket_address: { address: '0.0.0.0', port_value: 9901 } },
  },
  dynamic_resources: {
    lds_config: { ads: {} },
    ads_config: {
      api_type: 'GRPC',
      grpc_services: [
        {
          envoy_grpc: { cluster_name: 'ads_cluster' },
          initial_metadata: [{ key: 'authorization', value: 't' }],
        },
      ],
    },
  },
};

describe('the agent’s part of a bootstrap', () => {
  test('admin is on the socket of the agent and nowhere else, and the node says so', () => {
    const tree = overlayBootstrap(received, { socketPath: '/run/a/admin.sock' }, templates);
    expect(tree.admin).toEqual({ address: { pipe: { path: '/run/a/admin.sock', mode: 0o600 } } });
    expect(tree.node).toMatchObject({ metadata: { 'dataplane.admin.socketPath': '/run/a/admin.sock' } });
  });

  test('with a port it is on loopback, whatever was received', () => {
    const tree = overlayBootstrap(received, { port: 9905 }, templates);
    expect(tree.admin).toEqual({ address: { socket_address: { address: '127.0.0.1', port_value: 9905 } } });
    expect(tree.node).toEqual({
      id: 'default.a',
      metadata: { 'dataplane.admin.port': '9905', 'dataplane.admin.address': '127.0.0.1' },
    });
  });

  test('the pause before a lost xDS stream is asked for again is bounded; the rest of the stream is as received', () => {
    const tree = overlayBootstrap(received, { port: 1 }, templates);
    expect(tree.dynamic_resources).toEqual({
      lds_config: { ads: {} },
      ads_config: {
        api_type: 'GRPC',
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'ads_cluster',
              retry_policy: { retry_back_off: { base_interval: '0.2s', max_interval: '1s' } },
            },
            initial_metadata: [{ key: 'authorization', value: 't' }],
          },
        ],
      },
    });
  });

  test('a bootstrap without admin, metadata or xDS gets what it needs', () => {
    const tree = overlayBootstrap({ node: { id: 'x' } }, { socketPath: '/s' }, templates);
    expect(tree).toEqual({
      node: { id: 'x', metadata: { 'dataplane.admin.socketPath': '/s' } },
      admin: { address: { pipe: { path: '/s', mode: 384 } } },
    });
  });
});

test('only the dynamic sets a bootstrap asks for are waited for', () => {
  expect(readExpectations(received)).toEqual({ lds: true, cds: false });
  expect(readExpectations({})).toEqual({ lds: false, cds: false });
});
