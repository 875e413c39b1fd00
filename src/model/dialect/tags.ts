import type { JsonObject } from '../../lib/json.ts';
import { PROTOCOL_TAG, SERVICE_TAG, type Tags, ZONE_TAG } from '../tags.ts';

const RENAMED: ReadonlyMap<string, string> = new Map([
  ['service', SERVICE_TAG],
  ['protocol', PROTOCOL_TAG],
  ['zone', ZONE_TAG],
]);
const OLD_NAMES: ReadonlyMap<string, string> = new Map([...RENAMED].map(([old, today]) => [today, old]));

/** A tag map or selector without any `kuma.io/` key is read as the 0.1 dialect. */
export function isOldTagMap(tags: JsonObject): boolean {
  return !Object.keys(tags).some((name) => name.startsWith('kuma.io/'));
}

/** `service`, `protocol` and `zone` under their names of today; a map of today comes back itself. */
export function translateTags(tags: JsonObject): JsonObject {
  if (!isOldTagMap(tags) || !Object.keys(tags).some((name) => RENAMED.has(name))) return tags;
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [RENAMED.get(name) ?? name, value]));
}

/** Tags as the 0.1 tables show them. A tag whose old name is taken by another tag keeps its own. */
export function toOldTags(tags: Tags): Tags {
  const oldName = (name: string): string => {
    const old = OLD_NAMES.get(name);
    return old === undefined || Object.hasOwn(tags, old) ? name : old;
  };
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [oldName(name), value]));
}
