// From store changes to the next snapshot of a mesh: pure, and by structural sharing. A join copies the two indexes
// (an array copy for the machine) and rebuilds the services of the proxy that joined, nothing else.
import { isDeepStrictEqual } from 'node:util';
import type { Resource, ResourceKey } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import type { MeshSpec } from '../../model/resources/mesh-spec.ts';
import { SERVICE_TAG } from '../../model/tags.ts';
import { membersOf } from './service-members.ts';
import { updateServices } from './services.ts';
import type { DataplaneView, Liveness, MeshSnapshot } from './snapshot.ts';

/** One write or, without `after`, one removal. */
export interface ResourceChange {
  readonly key: ResourceKey;
  readonly after?: Resource;
}

export interface MeshInput {
  readonly mesh: Resource<MeshSpec>;
  readonly revision: number;
  /** Changes of this mesh since `previous`, oldest first; without `previous`, one for all there is. */
  readonly changes: readonly ResourceChange[];
  /** Which types of the changes are policies; others but Dataplane have no place in the snapshot. */
  readonly isPolicy: (type: string) => boolean;
  readonly livenessOf: (dataplane: string) => Liveness;
  /** Proxies whose liveness is not what it was for `previous`. */
  readonly livenessChanged: Iterable<string>;
}

export function advance(previous: MeshSnapshot | undefined, input: MeshInput): MeshSnapshot {
  const before = previous ?? emptySnapshot(input);
  const { dataplanes, touched } = updateDataplanes(before.dataplanes, input.changes);
  const services = serveFrom(before, dataplanes, {
    touched: new Set([...touched, ...input.livenessChanged]),
    input,
  });
  const policies = updatePolicies(before.policies, input);
  const mesh = sameContent(before.mesh, input.mesh) ? before.mesh : input.mesh;
  return { name: before.name, revision: input.revision, mesh, dataplanes, services, policies };
}

function emptySnapshot({ mesh }: MeshInput): MeshSnapshot {
  return {
    name: mesh.key.name,
    revision: 0,
    mesh,
    dataplanes: new Map(),
    services: new Map(),
    policies: new Map(),
  };
}

function updateDataplanes(before: MeshSnapshot['dataplanes'], changes: readonly ResourceChange[]) {
  const touched = new Set<string>();
  let next: Map<string, DataplaneView> | undefined;
  for (const { key, after } of changes) {
    if (key.type !== 'Dataplane') continue;
    const { name } = key;
    const old = (next ?? before).get(name);
    if (after === undefined ? old === undefined : old !== undefined && sameView(old, after)) continue;
    next ??= new Map(before);
    if (after === undefined) next.delete(name);
    else next.set(name, { name, labels: after.labels, spec: after.spec as DataplaneSpec });
    touched.add(name);
  }
  return { dataplanes: next ?? before, touched };
}

/** A write that changes nothing must not wake a single proxy. */
function sameView(view: DataplaneView, resource: Resource): boolean {
  return isDeepStrictEqual(view.spec, resource.spec) && isDeepStrictEqual(view.labels, resource.labels);
}

function sameContent(a: Resource, b: Resource): boolean {
  return a === b || (isDeepStrictEqual(a.spec, b.spec) && isDeepStrictEqual(a.labels, b.labels));
}

function serveFrom(
  before: MeshSnapshot,
  dataplanes: MeshSnapshot['dataplanes'],
  { touched, input }: { readonly touched: ReadonlySet<string>; readonly input: MeshInput },
): MeshSnapshot['services'] {
  const left = new Map<string, readonly string[]>();
  const contributions = new Map<string, ReturnType<typeof membersOf>>();
  for (const name of touched) {
    const old = before.dataplanes.get(name);
    const view = dataplanes.get(name);
    if (old !== undefined) left.set(name, servicesOf(old));
    if (old !== undefined || view !== undefined) {
      contributions.set(name, view === undefined ? [] : membersOf(view, input.livenessOf(name)));
    }
  }
  return updateServices(before.services, left, contributions);
}

function servicesOf(view: DataplaneView): readonly string[] {
  return (view.spec.networking.inbound ?? []).flatMap(({ tags }) => tags[SERVICE_TAG] ?? []);
}

function updatePolicies(
  before: MeshSnapshot['policies'],
  { changes, isPolicy }: MeshInput,
): MeshSnapshot['policies'] {
  const edited = new Map<string, Map<string, Resource>>();
  for (const { key, after } of changes) {
    if (!isPolicy(key.type)) continue;
    let byName = edited.get(key.type);
    if (byName === undefined) {
      byName = new Map((before.get(key.type) ?? []).map((r) => [r.key.name, r]));
      edited.set(key.type, byName);
    }
    if (after === undefined) byName.delete(key.name);
    else byName.set(key.name, after);
  }
  if (edited.size === 0) return before;
  const next = new Map(before);
  for (const [type, byName] of edited) {
    next.set(
      type,
      [...byName.values()].sort((a, b) => (a.key.name < b.key.name ? -1 : 1)),
    );
  }
  return next;
}
