import { always, anyObject, list, map, object } from '../shape/compound.ts';
import { duration, flag, integer, oneOf, type Shape, text, uint32 } from '../shape/shape.ts';
import type { DataplaneSpec, Inbound, Networking, Outbound, ServiceProbe } from './dataplane-spec.ts';

const tags = map(text);

const serviceProbe = object<ServiceProbe>({
  interval: duration,
  timeout: duration,
  unhealthyThreshold: uint32,
  healthyThreshold: uint32,
  tcp: object<Record<never, never>>({}),
});

const inbound = object<Inbound>({
  port: always(integer),
  servicePort: integer,
  serviceAddress: text,
  address: text,
  name: text,
  protocol: text,
  tags: always(tags),
  serviceProbe,
  state: oneOf('Ready', 'NotReady', 'Ignored'),
  health: object<NonNullable<Inbound['health']>>({ ready: always(flag) }),
});

const outbound = object<Outbound>({
  port: always(integer),
  address: text,
  tags,
  backendRef: object<NonNullable<Outbound['backendRef']>>({
    kind: always(text),
    name: text,
    labels: tags,
    port: integer,
  }),
});

const networking = object<Networking>({
  address: always(text),
  advertisedAddress: text,
  inbound: list(inbound),
  outbound: list(outbound),
  gateway: object<NonNullable<Networking['gateway']>>({
    tags: always(tags),
    type: oneOf('DELEGATED', 'BUILTIN'),
  }),
  transparentProxying: anyObject,
  admin: object<NonNullable<Networking['admin']>>({ port: integer }),
});

export const dataplaneFields: Shape<DataplaneSpec> = object<DataplaneSpec>({
  networking: always(networking),
  metrics: anyObject,
  probes: anyObject,
});
