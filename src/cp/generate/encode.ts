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
 * By name, in order of names. Keeps the objects of `previous` whose content is the same, and `previous` itself when all
 * of it is, so that streams see by identity that there is nothing to send.
 */
export function toResourceMap(resources: Iterable<XdsResource>, previous?: ResourceMap): ResourceMap {
  const sorted = [...resources].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const map = new Map<string, XdsResource>();
  let same = true;
  for (const resource of sorted) {
    const old = previous?.get(resource.name);
    const kept = old?.version === resource.version ? old : resource;
    if (kept !== old) same = false;
    map.set(resource.name, kept);
  }
  return previous !== undefined && same && map.size === previous.size ? previous : map;
}
