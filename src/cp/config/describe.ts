import { formatDuration } from '../../lib/duration.ts';
import type { Json, JsonObject } from '../../lib/json.ts';
import type { Settings } from '../../settings/declare.ts';

const MASK = '*****';

/**
 * Values as a tree under today's keys, as `GET /config` and the start log show them. A secret that is set shows as
 * `*****`; durations are written as in the file.
 */
export function describeSettings(settings: Settings, values: Readonly<Record<string, unknown>>): JsonObject {
  const tree: Tree = {};
  for (const [name, setting] of Object.entries(settings).sort(([, a], [, b]) => (a.key < b.key ? -1 : 1))) {
    const path = setting.key.split('.');
    const leaf = path.pop() ?? setting.key;
    branch(tree, path)[leaf] = show(setting, values[name]);
  }
  return tree;
}

type Tree = { [key: string]: Json | Tree };

function branch(tree: Tree, path: readonly string[]): Tree {
  let at = tree;
  for (const part of path) {
    const next = (at[part] ?? {}) as Tree;
    at[part] = next;
    at = next;
  }
  return at;
}

function show({ secret, placeholder }: Settings[string], value: unknown): Json {
  if (secret === true) return value === '' || value === undefined ? '' : MASK;
  if (placeholder === 'duration' && typeof value === 'number') return formatDuration(value);
  return (value ?? null) as Json;
}
