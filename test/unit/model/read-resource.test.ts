import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJsonObject, type JsonObject } from '../../../src/lib/json.ts';
import { describeViolations } from '../../../src/lib/violations.ts';
import { readResource, translateBody } from '../../../src/model/read-resource.ts';
import { resourceTypes } from '../../../src/model/registry.ts';
import { articleDocument, articleMesh, articleProxies, articleRoute } from './article.ts';
import { arbitraryDocument } from './documents.ts';

describe('the documents of the article', () => {
  test('the mesh with mtls off is read without a word', () => {
    const { spec, violations, warnings } = readResource(articleMesh);
    expect({ violations, warnings }).toEqual({ violations: [], warnings: [] });
    expect(spec?.key).toEqual({ type: 'Mesh', mesh: '', name: 'bookinfo' });
    expect(spec?.spec).toEqual({});
  });

  test.each(articleProxies)('$name becomes a Dataplane of today', (proxy) => {
    const { spec, violations, warnings } = readResource(articleDocument(proxy));
    expect(violations).toEqual([]);
    expect(warnings).toEqual(
      Object.keys(proxy.outbounds).map((_, i) => `networking.outbound[${i}].app: unknown field, ignored`),
    );
    expect(spec?.key).toEqual({ type: 'Dataplane', mesh: 'bookinfo', name: proxy.name });
    const outbound = Object.entries(proxy.outbounds).map(([port, service]) => {
      return { address: '127.0.0.1', port: Number(port), tags: { 'kuma.io/service': service } };
    });
    expect(spec?.spec).toEqual({
      networking: {
        address: '127.0.0.1',
        inbound: [
          {
            port: proxy.port + 1,
            servicePort: proxy.port,
            tags: { app: 'bookinfo', 'kuma.io/service': proxy.service, version: proxy.version },
          },
        ],
        ...(outbound.length === 0 ? {} : { outbound }),
      },
    });
  });

  test('the route is lifted, its destination loses "app" with a warning, the slip "backend" is accepted', () => {
    const { spec, violations, warnings } = readResource(articleRoute);
    expect(violations).toEqual([]);
    expect(warnings).toEqual([
      'rules[0].destinations[0].match["app"]: ignored: destinations of a TrafficRoute are matched by kuma.io/service only',
    ]);
    expect(spec?.spec).toEqual({
      sources: [{ match: { app: 'bookinfo', 'kuma.io/service': 'productpage' } }],
      destinations: [{ match: { 'kuma.io/service': 'reviews' } }],
      conf: {
        split: [
          { weight: 80, destination: { 'kuma.io/service': 'reviews', version: 'v1' } },
          { weight: 10, destination: { 'kuma.io/service': 'reviews', version: 'v2' } },
          { weight: 10, destination: { 'kuma.io/service': 'backend', version: 'v3' } },
        ],
      },
    });
  });
});

describe('messages', () => {
  test('every violation of a document is reported together, one for each mistake', () => {
    const { spec, violations, warnings } = readResource({
      type: 'Dataplane',
      mesh: 'bookinfo',
      name: 'Product Page',
      networking: {
        inbound: [
          { interface: '127.0.0.1:70000:10500', tags: { app: 'bookinfo' } },
          { port: 0, tags: { version: 1 } },
          7,
        ],
        outbound: [
          { interface: '10202', service: 'ratings' },
          { port: '80x', tags: { a: 'b' } },
        ],
      },
    });
    expect(spec).toBeUndefined();
    expect(violations.map((v) => v.field).sort()).toEqual([
      'name',
      'networking.inbound[0].interface',
      'networking.inbound[1].port',
      'networking.inbound[1].tags["kuma.io/service"]',
      'networking.inbound[1].tags["version"]',
      'networking.inbound[2]',
      'networking.outbound[0].interface',
      'networking.outbound[1].port',
      'networking.outbound[1].tags',
    ]);
    expect(warnings).toEqual([]);
  });

  test('a Dataplane of today without address, port and service tag gets the texts of Kuma 2.14', () => {
    const networking = { inbound: [{ tags: { app: 'bookinfo' } }] };
    const { violations } = readResource({ type: 'Dataplane', mesh: 'm', name: 'a', networking });
    expect(describeViolations(violations)).toBe(
      "networking.address: address can't be empty; " +
        'networking.inbound[0].port: port must be in the range [1, 65535]; ' +
        'networking.inbound[0].tags["kuma.io/service"]: tag has to exist',
    );
  });

  test('a mistake inside a lifted rule is named where its author wrote it', () => {
    const body = {
      type: 'TrafficRoute',
      name: 'r',
      mesh: 'm',
      rules: [{ sources: [], conf: [{ weight: -1, destination: { service: 'a' }, extra: 1 }] }],
    };
    const { violations, warnings } = readResource(body);
    expect(violations.map((v) => v.field).sort()).toEqual([
      'rules[0].conf[0].weight',
      'rules[0].destinations',
      'rules[0].sources',
    ]);
    expect(warnings).toEqual(['rules[0].conf[0].extra: unknown field, ignored']);
  });

  test.each([
    [null, 'must be an object with "type" and "name", got nothing'],
    [[], 'must be an object with "type" and "name", got a list'],
    ['type: Mesh', 'must be an object with "type" and "name", got the text "type: Mesh"'],
    [{ type: 'Mesh', name: 'm', x: Number.NaN }, 'holds a value that JSON cannot: NaN'],
    [new Date(0), 'holds a value that JSON cannot: Date'],
  ])('%j is refused as a document', (body, message) => {
    expect(readResource(body).violations).toEqual([{ field: '', message }]);
  });

  test('a document nested without end is refused instead of overflowing the stack', () => {
    const cyclic: Record<string, unknown> = { type: 'Mesh', name: 'm' };
    cyclic.logging = cyclic;
    expect(readResource(cyclic).violations).toEqual([{ field: '', message: 'nested deeper than 64 levels' }]);
    const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    expect(readResource({ type: 'Mesh', name: 'm', logging: deep }).violations[0]?.message).toMatch(
      /nested deeper/,
    );
  });

  test('64 levels are read, one more is not', () => {
    const nested = (levels: number): unknown => (levels === 0 ? {} : { x: nested(levels - 1) });
    expect(readResource({ type: 'Mesh', name: 'm', routing: nested(63) }).violations).toEqual([]);
    expect(readResource({ type: 'Mesh', name: 'm', routing: nested(64) }).violations).toHaveLength(1);
  });

  test('a document whose references multiply is refused', () => {
    let level: unknown = ['x'];
    for (let i = 0; i < 40; i++) level = [level, level];
    expect(readResource({ type: 'Mesh', name: 'm', logging: level }).violations[0]?.message).toMatch(
      /more than/,
    );
  });
});

test('what comes out is frozen to the bottom, and the input stays as it was', () => {
  const body = articleDocument(articleProxies[5] ?? articleProxies[0] ?? neverHere());
  const before = structuredClone(body);
  const read = readResource({ ...body, labels: { a: 'b' } }).spec;
  expect(body).toEqual(before);
  expect(Object.isFrozen(body.networking)).toBe(false);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    expect(Object.isFrozen(value)).toBe(true);
    for (const item of Object.values(value)) visit(item);
  };
  visit(read?.spec);
  visit(read?.key);
  visit(read?.labels);
});

test('a map key that names the prototype is data like any other', () => {
  const tags = JSON.parse('{"kuma.io/service":"a","__proto__":"x"}');
  const networking = { address: '10.0.0.1', inbound: [{ port: 1, tags }] };
  const spec = readResource({ type: 'Dataplane', mesh: 'm', name: 'a', networking }).spec?.spec;
  expect(JSON.stringify(spec)).toContain('"__proto__":"x"');
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

describe('for any JSON', () => {
  const runs = { numRuns: 1500 };

  test('reading never throws, and gives a spec or a violation, never both', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), arbitraryDocument), (body) => {
        const { spec, violations } = readResource(body, { defaultMesh: 'default' });
        expect(spec === undefined).toBe(violations.length > 0);
        for (const { message } of violations) expect(message).not.toBe('');
      }),
      runs,
    );
  });

  test('translating twice is translating once', () => {
    fc.assert(
      fc.property(arbitraryDocument, (body) => {
        const once = translateBody(body);
        const twice = translateBody(once.body);
        expect(twice.body).toEqual(once.body);
        expect(twice.violations.length).toBeLessThanOrEqual(once.violations.length);
      }),
      runs,
    );
  });

  test('what was read, shown as JSON and read again is the same', () => {
    let read = 0;
    fc.assert(
      fc.property(arbitraryDocument, (body) => {
        const first = readResource(body, { defaultMesh: 'default' }).spec;
        if (first === undefined) return;
        read++;
        const shown = JSON.parse(JSON.stringify(first.type.toJson(first.spec))) as JsonObject;
        const again = first.type.parse(shown);
        expect(again.violations).toEqual([]);
        expect(again.spec).toEqual(first.spec);
        expect(first.type.translate?.({ ...shown, type: first.type.name }).body ?? shown).toMatchObject(
          shown,
        );
      }),
      runs,
    );
    // Random documents that are all refused would prove nothing.
    expect(read).toBeGreaterThan(100);
  });

  test('parsers take any object of fields', () => {
    fc.assert(
      fc.property(fc.object({ withNullPrototype: false }), (raw) => {
        const fields: unknown = JSON.parse(JSON.stringify(raw));
        if (!isJsonObject(fields)) return;
        for (const type of resourceTypes) {
          const { spec, violations } = type.parse(fields);
          expect(spec === undefined).toBe(violations.length > 0);
        }
      }),
    );
  });
});

function neverHere(): never {
  throw new Error('the article has seven Dataplane documents');
}
