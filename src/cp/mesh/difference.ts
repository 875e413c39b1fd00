import type { MeshSnapshot } from './snapshot.ts';

/** What is not the same object in two snapshots of one mesh: by identity, which structural sharing keeps. */
export interface MeshDifference {
  readonly mesh: boolean;
  /** Names that were added, changed or removed. */
  readonly dataplanes: ReadonlySet<string>;
  /** Services whose endpoints or protocol changed, or that came or went. */
  readonly services: ReadonlySet<string>;
  /** Type names. */
  readonly policies: ReadonlySet<string>;
}

export function differenceOf(before: MeshSnapshot, after: MeshSnapshot): MeshDifference {
  return {
    mesh: before.mesh !== after.mesh,
    dataplanes: changedKeys(before.dataplanes, after.dataplanes, (a, b) => a === b),
    services: changedKeys(
      before.services,
      after.services,
      (a, b) => a === b || (a?.endpoints === b?.endpoints && a?.protocol === b?.protocol),
    ),
    policies: changedKeys(before.policies, after.policies, (a, b) => a === b),
  };
}

function changedKeys<V>(
  before: ReadonlyMap<string, V>,
  after: ReadonlyMap<string, V>,
  same: (a: V | undefined, b: V | undefined) => boolean,
): ReadonlySet<string> {
  const changed = new Set<string>();
  if (before === after) return changed;
  for (const [key, value] of after) if (!same(before.get(key), value)) changed.add(key);
  for (const key of before.keys()) if (!after.has(key)) changed.add(key);
  return changed;
}
