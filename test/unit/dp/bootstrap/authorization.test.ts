import { expect, test } from 'vitest';
import { withAuthorization, withoutAuthorization } from '../../../../src/dp/bootstrap/authorization.ts';
import type { JsonObject } from '../../../../src/lib/json.ts';

const service = (metadata?: readonly JsonObject[]): JsonObject => ({
  envoy_grpc: { cluster_name: 'ads_cluster' },
  ...(metadata === undefined ? {} : { initial_metadata: metadata }),
});
const bootstrap = (metadata?: readonly JsonObject[]): JsonObject => ({
  node: { id: 'default.a' },
  dynamic_resources: { ads_config: { api_type: 'DELTA_GRPC', grpc_services: [service(metadata)] } },
  hds_config: { grpc_services: [service(metadata)] },
});
const token = { key: 'authorization', value: 'SECRET' };
const other = { key: 'x-other', value: 'kept' };

test('a saved bootstrap holds no token, wherever and however it was written', () => {
  const sent = bootstrap([{ key: 'Authorization', value: 'SECRET' }, other]);
  const saved = withoutAuthorization(sent);
  expect(JSON.stringify(saved)).not.toContain('SECRET');
  expect(saved).toEqual(bootstrap([other]));
  expect(withoutAuthorization(bootstrap([token]))).toEqual(bootstrap());
});

test('the token of today goes where the one of yesterday was', () => {
  expect(withAuthorization(bootstrap(), 'SECRET')).toEqual(bootstrap([token]));
  expect(withAuthorization(bootstrap([{ ...token, value: 'old' }, other]), 'SECRET')).toEqual(
    bootstrap([other, token]),
  );
});

test('without a token or without streams nothing is added', () => {
  expect(withAuthorization(bootstrap(), undefined)).toEqual(bootstrap());
  expect(withAuthorization({ node: {} }, 'SECRET')).toEqual({ node: {} });
});
