import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/lib/json.ts';

/** A value of the field, or now and then something that does not belong there. */
function mostly<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | Json> {
  const stray = fc.constantFrom<Json>(null, '', 0, -1, 1.5, true, 'x', [], {}, [[]], [{}], { a: null });
  return fc.oneof({ weight: 40, arbitrary }, { weight: 1, arbitrary: stray });
}

const tagName = fc.constantFrom(
  'service',
  'protocol',
  'zone',
  'app',
  'version',
  'kuma.io/service',
  'kuma.io/zone',
  'é',
);
const tagValue = mostly(fc.constantFrom('ratings', 'http', '*', 'v1', 'tcp', 'bad value'));
const tags = mostly(fc.dictionary(tagName, tagValue, { maxKeys: 3 }));
const serviceTags = fc.oneof(
  tags,
  fc.constantFrom<JsonObject>(
    { service: 'ratings', version: 'v1' },
    { 'kuma.io/service': 'ratings' },
    { service: '*' },
  ),
);
const ip = fc.constantFrom('127.0.0.1', '10.0.0.1', '10.0.0.2', '0.0.0.0', '300.1.1.1', 'host.example', '');
const port = fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(0, 70_000, 8080));
const inboundInterface = fc.tuple(ip, port, port).map((parts) => parts.join(':'));
const outboundInterface = fc.tuple(ip, port).map((parts) => parts.join(':'));

const inbound = mostly(
  fc.oneof(
    fc.record({ interface: mostly(inboundInterface), tags: serviceTags }, { requiredKeys: ['interface'] }),
    fc.record(
      {
        port: mostly(port),
        servicePort: mostly(port),
        address: mostly(ip),
        tags: serviceTags,
        state: mostly(fc.constantFrom('Ready', 'NotReady', 'Ignored')),
        health: mostly(fc.record({ ready: mostly(fc.boolean()) })),
        app: fc.constant('x'),
        interface: inboundInterface,
      },
      { requiredKeys: ['port', 'tags'] },
    ),
  ),
);

const outbound = mostly(
  fc.oneof(
    fc.record(
      { interface: mostly(outboundInterface), service: tagValue, servicePort: port, app: tagValue },
      { requiredKeys: ['interface', 'service'] },
    ),
    fc.record(
      { port: mostly(port), address: mostly(ip), tags: serviceTags, service: tagValue, backendRef: tags },
      { requiredKeys: ['port', 'tags'] },
    ),
  ),
);

const dataplane = fc.record(
  {
    type: fc.constant('Dataplane'),
    name: fc.constant('dp-1'),
    networking: mostly(
      fc.record(
        {
          address: mostly(ip),
          inbound: mostly(fc.array(inbound, { maxLength: 2 })),
          outbound: mostly(fc.array(outbound, { maxLength: 2 })),
          gateway: mostly(fc.record({ tags: serviceTags })),
          admin: mostly(fc.record({ port: mostly(port) })),
        },
        { requiredKeys: ['inbound'] },
      ),
    ),
  },
  { requiredKeys: ['type', 'name', 'networking'] },
);

const selectors = mostly(fc.array(mostly(fc.record({ match: serviceTags })), { minLength: 1, maxLength: 2 }));
const destination = fc.oneof(serviceTags, fc.array(serviceTags, { maxLength: 2 }));
const split = fc.array(mostly(fc.record({ weight: mostly(fc.nat(100)), destination })), {
  minLength: 1,
  maxLength: 3,
});
const conf = mostly(
  fc.oneof(
    split,
    fc.record({ split }),
    fc.record({
      destination,
      loadBalancer: fc.constantFrom<JsonObject>({ random: {} }, { roundRobin: {}, x: 1 }, {}),
    }),
    fc.record({
      destination,
      http: fc.array(
        fc.record(
          { match: fc.constant({ path: { prefix: '/' } }), destination, split },
          { requiredKeys: ['match'] },
        ),
        { maxLength: 2 },
      ),
    }),
  ),
);
const rule = fc.record({ sources: selectors, destinations: selectors, conf });
const envelope = { type: fc.constant('TrafficRoute'), name: fc.constant('route-1'), mesh: fc.constant('m') };
const trafficRoute = fc.oneof(
  fc.record({ ...envelope, sources: selectors, destinations: selectors, conf }),
  fc.record({ ...envelope, rules: mostly(fc.array(mostly(rule), { minLength: 1, maxLength: 2 })) }),
);

const mesh = fc.record(
  {
    type: fc.constant('Mesh'),
    name: mostly(fc.constantFrom('m', 'bookinfo')),
    mtls: mostly(
      fc.record(
        { enabled: mostly(fc.boolean()), ca: tags, enabledBackend: fc.constantFrom('', 'ca-1') },
        { requiredKeys: [] },
      ),
    ),
    logging: mostly(
      fc.record(
        {
          accessLogs: mostly(
            fc.record({ enabled: mostly(fc.boolean()), filePath: tagValue }, { requiredKeys: [] }),
          ),
          defaultBackend: tagValue,
        },
        { requiredKeys: [] },
      ),
    ),
    metrics: tags,
  },
  { requiredKeys: ['type', 'name'] },
);

/** Documents of all dialects, near enough to right ones that many are accepted and most rules are met. */
export const arbitraryDocument = fc
  .oneof(dataplane, trafficRoute, mesh, fc.object())
  .map((body) => JSON.parse(JSON.stringify(body)) as JsonObject);
