import { advance } from '../../src/cp/mesh/builder.ts';
import type { Liveness, MeshSnapshot } from '../../src/cp/mesh/snapshot.ts';
import { readResource } from '../../src/model/read-resource.ts';
import type { Resource } from '../../src/model/resource.ts';
import type { MeshSpec } from '../../src/model/resources/mesh-spec.ts';

const EPOCH = '2030-01-01T00:00:00Z';

/** A document as a person writes it, read as the API reads it; `creationTime` in it counts. */
export function aResource(document: Readonly<Record<string, unknown>>): Resource {
  const { creationTime = EPOCH, ...body } = document;
  const { spec: read, violations } = readResource(body, { defaultMesh: 'default' });
  if (read === undefined) throw new Error(`fixture is invalid: ${JSON.stringify(violations)}`);
  const time = String(creationTime);
  return {
    key: read.key,
    labels: read.labels,
    creationTime: time,
    modificationTime: time,
    revision: 1,
    spec: read.spec,
  };
}

export function aMesh(name = 'default'): Resource<MeshSpec> {
  return aResource({ type: 'Mesh', name }) as Resource<MeshSpec>;
}

interface DataplaneOptions {
  readonly name: string;
  readonly address?: string;
  readonly service?: string;
  readonly port?: number;
  readonly tags?: Readonly<Record<string, string>>;
  /** Port to tags. */
  readonly outbound?: Readonly<Record<number, Readonly<Record<string, string>> | string>>;
}

/** A proxy with one inbound, listening on 10.0.0.1:8080 of service `web` unless said otherwise. */
export function aDataplane(options: DataplaneOptions): Resource {
  const { name, address = '10.0.0.1', service = 'web', port = 8080, tags = {}, outbound = {} } = options;
  return aResource({
    type: 'Dataplane',
    name,
    networking: {
      address,
      inbound: [{ port, tags: { 'kuma.io/service': service, ...tags } }],
      outbound: Object.entries(outbound).map(([p, to]) => ({
        port: Number(p),
        tags: typeof to === 'string' ? { 'kuma.io/service': to } : to,
      })),
    },
  });
}

export interface Step {
  readonly put?: readonly Resource[];
  readonly remove?: readonly Resource[];
  /** Of every proxy, not only of those that changed. */
  readonly liveness?: Readonly<Record<string, Liveness>>;
  readonly livenessChanged?: readonly string[];
}

/** The next snapshot of mesh `default`. */
export function step(previous: MeshSnapshot | undefined, what: Step): MeshSnapshot {
  const { put = [], remove = [], liveness = {}, livenessChanged = Object.keys(liveness) } = what;
  return advance(previous, {
    mesh: aMesh(),
    revision: (previous?.revision ?? 0) + 1,
    changes: [...put.map((after) => ({ key: after.key, after })), ...remove.map(({ key }) => ({ key }))],
    isPolicy: (type) => type === 'TrafficRoute',
    livenessOf: (name) => liveness[name] ?? 'serving',
    livenessChanged,
  });
}
