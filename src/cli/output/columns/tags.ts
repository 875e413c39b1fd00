import { isJsonObject, type Json, type JsonObject } from '../../../lib/json.ts';
import type { Tags } from '../../../model/tags.ts';
import { readAt, readList } from '../read.ts';

/**
 * Tags of all inbounds and of the gateway of a data plane proxy, sorted, the values of a tag merged:
 * `app=web,shop version=v1`. `rename` gives each set of tags the names to show.
 */
export function formatTags(
  dataplane: Json | undefined,
  rename: (tags: Tags) => Tags = (tags) => tags,
): string {
  const values = new Map<string, Set<string>>();
  const networking = readAt(dataplane, 'networking');
  const sets = [
    ...readList(networking, 'inbound').map(({ tags }) => tags),
    readAt(networking, 'gateway', 'tags'),
  ];
  for (const tags of sets.filter(isJsonObject)) {
    for (const [tag, value] of Object.entries(rename(toTexts(tags)))) {
      values.set(tag, (values.get(tag) ?? new Set()).add(value));
    }
  }
  return [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tag, set]) => `${tag}=${[...set].sort().join(',')}`)
    .join(' ');
}

function toTexts(tags: JsonObject): Tags {
  return Object.fromEntries(Object.entries(tags).map(([tag, value]) => [tag, String(value)]));
}
