import type { Labels, Resource, ResourceKey } from '../../model/resource.ts';

/**
 * Where resources are kept. One interface, one contract suite (`test/contract`), several engines.
 * The whole store has one monotone revision: each committed batch takes the next number, and every resource
 * written by the batch carries it. Reads see whole batches only.
 */
export interface Store {
  /** Revision of the newest committed batch, 0 for an empty store; it never goes back, restarts included. */
  revision(): Promise<number>;
  get(key: ResourceKey): Promise<Resource | undefined>;
  /** All of a type, sorted by mesh, then name (code points). `mesh` undefined lists across meshes. */
  list(query: ListQuery): Promise<readonly Resource[]>;
  /**
   * Commits all mutations or none, durably before it resolves. Throws StoreError: `already-exists` on create,
   * `not-found` on update or delete, `conflict` when `expectedRevision` is not the resource's.
   * Deleting a resource deletes those that name it as owner, in the same batch.
   */
  commit(mutations: readonly Mutation[]): Promise<Committed>;
  /**
   * Called with each committed batch, in order, after it is durable; listeners run before `commit` resolves and
   * must not throw. The returned function ends the subscription.
   */
  subscribe(listener: (batch: Committed) => void): () => void;
  close(): Promise<void>;
}

export interface ListQuery {
  readonly type: string;
  readonly mesh?: string;
}

export interface ResourceWrite {
  readonly key: ResourceKey;
  readonly labels: Labels;
  /** JSON value in 2.14's shape. */
  readonly spec: unknown;
  /** Deleted together with this one. Mesh-scoped types are owned by their Mesh. */
  readonly owner?: ResourceKey;
}

export type Mutation =
  | { readonly op: 'create'; readonly write: ResourceWrite }
  | { readonly op: 'update'; readonly write: ResourceWrite; readonly expectedRevision?: number }
  | { readonly op: 'delete'; readonly key: ResourceKey; readonly expectedRevision?: number };

export interface Change {
  readonly op: 'create' | 'update' | 'delete';
  readonly key: ResourceKey;
  /** Absent after a delete. */
  readonly after?: Resource;
  /** Absent before a create. */
  readonly before?: Resource;
}

export interface Committed {
  readonly revision: number;
  readonly changes: readonly Change[];
}
