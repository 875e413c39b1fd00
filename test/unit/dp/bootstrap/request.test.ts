import { expect, test } from 'vitest';
import {
  type RequestFacts,
  toBootstrapRequest,
  toLeaveRequest,
} from '../../../../src/dp/bootstrap/request.ts';

const facts: RequestFacts = {
  proxy: { mesh: 'm', name: 'web', proxyType: 'dataplane' },
  build: { version: '0.1.0', gitTag: 'v', gitCommit: 'c', buildDate: 'd' },
  envoy: { version: '1.40.0', build: 'x/1.40.0/Clean/RELEASE/BoringSSL', supported: true },
  readinessPort: 4321,
  adminPort: 0,
  deltaXds: true,
  keepEnvoy: false,
  workdir: '/run/kuma-dp/m.web',
};

test('the request has what the real control plane needs to send a configuration', () => {
  expect(toBootstrapRequest(facts)).toEqual({
    mesh: 'm',
    name: 'web',
    proxyType: 'dataplane',
    version: {
      kumaDp: { version: '0.1.0', gitTag: 'v', gitCommit: 'c', buildDate: 'd' },
      envoy: { version: '1.40.0', build: 'x/1.40.0/Clean/RELEASE/BoringSSL', kumaDpCompatible: true },
    },
    dynamicMetadata: null,
    readinessPort: 4321,
    operatingSystem: 'linux',
    features: ['feature-delta-grpc', 'feature-reuse-port', 'feature-strict-inbound-ports'],
    workdir: '/run/kuma-dp/m.web',
    ipv6Enabled: true,
  });
});

test('what is given goes along: resource, token, CA and admin port', () => {
  const proxy = { ...facts.proxy, resource: '{}', token: 't' };
  expect(toBootstrapRequest({ ...facts, proxy, caCert: 'PEM', adminPort: 9901 })).toMatchObject({
    dataplaneResource: '{}',
    dataplaneToken: 't',
    caCert: 'PEM',
    adminPort: 9901,
  });
  expect(toLeaveRequest(proxy)).toEqual({ mesh: 'm', name: 'web', dataplaneToken: 't' });
});
