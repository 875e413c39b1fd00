import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { typeUrlOf } from '../../envoy/any.ts';
import { makeXdsResource, type ResourceMap, type XdsResource } from '../../xds/resource.ts';

export function encode<Desc extends DescMessage>(
  schema: Desc,
  name: string,
  message: MessageShape<Desc>,
): XdsResource {
  return makeXdsResource(typeUrlOf(schema), name, toBinary(schema, message));
}

/**
 * By name, in order of names; of equal names the last counts. Keeps the objects of `previous` whose content is the same,
 * and `previous` itself when all of it is, so that streams see by identity that there is nothing to send.
 */
export function toResourceMap(resources: Iterable<XdsResource>, previous?: ResourceMap): ResourceMap {
  const byName = new Map<string, XdsResource>();
  for (const resource of resources) byName.set(resource.name, resource);
  if (previous !== undefined && sameNames(byName, previous)) return replaceChanged(byName, previous);
  const sorted = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((resource) => [resource.name, keep(previous?.get(resource.name), resource)]));
}

function sameNames(a: ResourceMap, b: ResourceMap): boolean {
  if (a.size !== b.size) return false;
  for (const name of a.keys()) if (!b.has(name)) return false;
  return true;
}

/** Copying a map that is in order already is far cheaper than sorting. */
function replaceChanged(byName: ResourceMap, previous: ResourceMap): ResourceMap {
  let map: Map<string, XdsResource> | undefined;
  for (const [name, resource] of byName) {
    const old = previous.get(name);
    const kept = keep(old, resource);
    if (kept === old) continue;
    map ??= new Map(previous);
    map.set(name, kept);
  }
  return map ?? previous;
}

function keep(old: XdsResource | undefined, resource: XdsResource): XdsResource {
  return old?.version === resource.version ? old : resource;
}
