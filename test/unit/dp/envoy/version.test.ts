import { expect, test } from 'vitest';
import { parseEnvoyVersion } from '../../../../src/dp/envoy/version.ts';

test.each([
  ['envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL', '1.40.0', true],
  ['envoy  version: 9e55/1.36.4/Clean/RELEASE/BoringSSL', '1.36.4', true],
  ['envoy  version: 9e55/1.41.0-dev/Modified/DEBUG/BoringSSL', '1.41.0', false],
  ['envoy  version: 9e55/1.22.1/Clean/RELEASE/BoringSSL', '1.22.1', false],
  ['envoy  version: v1.38.3', '1.38.3', true],
  ['envoy built by hand', '', false],
])('%j is version %j, supported: %s', (output, version, supported) => {
  expect(parseEnvoyVersion(output)).toMatchObject({ version, supported });
});
