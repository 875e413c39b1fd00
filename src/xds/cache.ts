import type { ProxySnapshot } from './resource.ts';

/** What every proxy is to have now, and who wants to know when that changes. Nothing here is copied or encoded. */
export interface SnapshotCache {
  get(nodeId: string): ProxySnapshot | undefined;
  /** Tells the watchers of the node, unless every type map is the one it already had. */
  set(nodeId: string, snapshot: ProxySnapshot): void;
  /** Forgets the node; watchers stay and are told at the next `set`. What a connected proxy has, it keeps. */
  delete(nodeId: string): void;
  /** `listener` runs inside `set`; the returned function ends it. */
  watch(nodeId: string, listener: () => void): () => void;
}

export function createSnapshotCache(): SnapshotCache {
  const snapshots = new Map<string, ProxySnapshot>();
  const watchers = new Map<string, Set<() => void>>();
  return {
    get: (nodeId) => snapshots.get(nodeId),
    set(nodeId, snapshot) {
      const before = snapshots.get(nodeId);
      snapshots.set(nodeId, snapshot);
      if (before !== undefined && sameMaps(before, snapshot)) return;
      for (const listener of watchers.get(nodeId) ?? []) listener();
    },
    delete(nodeId) {
      snapshots.delete(nodeId);
    },
    watch(nodeId, listener) {
      const own = () => listener();
      const list = watchers.get(nodeId) ?? new Set();
      watchers.set(nodeId, list.add(own));
      return () => {
        list.delete(own);
        if (list.size === 0 && watchers.get(nodeId) === list) watchers.delete(nodeId);
      };
    },
  };
}

function sameMaps(a: ProxySnapshot, b: ProxySnapshot): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [typeUrl, map] of a) if (b.get(typeUrl) !== map) return false;
  return true;
}
