import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generate } from '../../../../src/cp/generate/generate.ts';
import type { Liveness } from '../../../../src/cp/mesh/snapshot.ts';
import { routeByTrafficRoutes } from '../../../../src/cp/policies/traffic-route.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE } from '../../../../src/envoy/type-urls.ts';
import { expectGolden, goldenCases, unusedGoldens } from '../../../support/golden.ts';
import { aResource, step } from '../../../support/mesh-fixture.ts';
import { mapToJson } from '../../../support/xds-json.ts';

const testdata = join(import.meta.dirname, 'testdata');

/** Resources as YAML, the proxy they are generated for, liveness of those that are not serving. */
interface Input {
  readonly proxy: string;
  readonly liveness?: Readonly<Record<string, Liveness>>;
  readonly resources: readonly Readonly<Record<string, unknown>>[];
}

describe('what a proxy is given', () => {
  test.each(goldenCases(testdata))('$name', (golden) => {
    const { proxy, liveness = {}, resources } = golden.input as Input;
    const snapshot = step(undefined, { put: resources.map(aResource), liveness });
    const dataplane = snapshot.dataplanes.get(proxy);
    if (dataplane === undefined) throw new Error(`the input has no Dataplane ${proxy}`);
    const generated = generate({ snapshot, dataplane, routing: routeByTrafficRoutes(snapshot, dataplane) });
    expectGolden(golden, {
      ...(generated.problems.length === 0 ? {} : { problems: generated.problems }),
      listeners: mapToJson(generated.resources.get(LISTENER)),
      clusters: mapToJson(generated.resources.get(CLUSTER)),
      routes: mapToJson(generated.resources.get(ROUTE)),
      endpoints: mapToJson(generated.resources.get(ENDPOINT)),
    });
  });

  test('has no golden file that nothing compares with', () => {
    expect(unusedGoldens(testdata)).toEqual([]);
  });
});
