import { describe, expect, test } from 'vitest';
import { mergeTrees, toSnakeCaseKeys } from '../../../src/bootstrap/merge.ts';

describe('mergeTrees', () => {
  test('merges mappings, replaces lists and scalars, removes what is null', () => {
    const base = { admin: { address: { socket_address: { port_value: 1 } }, keep: 1 }, list: [1, 2] };
    const overlay = { admin: { address: { socket_address: null, pipe: { path: '/x' } } }, list: [3] };
    expect(mergeTrees(base, overlay)).toEqual({
      admin: { address: { pipe: { path: '/x' } }, keep: 1 },
      list: [3],
    });
  });

  test('leaves both inputs as they were', () => {
    const base = { a: { b: 1 } };
    mergeTrees(base, { a: { b: null } });
    expect(base).toEqual({ a: { b: 1 } });
  });

  test('a removal in a part the base does not have leaves no null behind', () => {
    expect(mergeTrees({}, { a: { b: null, c: 1 } })).toEqual({ a: { c: 1 } });
  });
});

describe('toSnakeCaseKeys', () => {
  test('spells fields one way and leaves metadata and type names alone', () => {
    const tree = {
      dynamicResources: { adsConfig: [{ grpcServices: { '@type': 'T', initialMetadata: [] } }] },
      node: { metadata: { 'dataplane.proxyType': 'x', workDir: 1 } },
    };
    expect(toSnakeCaseKeys(tree)).toEqual({
      dynamic_resources: { ads_config: [{ grpc_services: { '@type': 'T', initial_metadata: [] } }] },
      node: { metadata: { 'dataplane.proxyType': 'x', workDir: 1 } },
    });
  });

  test('leaves the keys of maps alone, such as names of extensions', () => {
    const options = { typedExtensionProtocolOptions: { 'a.b.v3.HttpOptions': { keepAlive: 1 } } };
    expect(toSnakeCaseKeys(options)).toEqual({
      typed_extension_protocol_options: { 'a.b.v3.HttpOptions': { keep_alive: 1 } },
    });
  });
});
