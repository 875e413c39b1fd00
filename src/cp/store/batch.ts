import { deepFreeze } from '../../lib/deep-freeze.ts';
import type { Resource, ResourceKey } from '../../model/resource.ts';
import { StoreError } from './errors.ts';
import { compareKeys, describeKey, mapKey } from './keys.ts';
import type { Change, Mutation, ResourceWrite } from './store.ts';

/** A resource with what its envelope does not show. */
export interface StoredResource {
  readonly resource: Resource;
  readonly owner?: ResourceKey;
}

/** State a batch is planned against: that of the last committed revision. */
export interface StateView {
  get(key: ResourceKey): StoredResource | undefined;
  /** Keys that name `key` as their owner, directly. */
  ownedBy(key: ResourceKey): readonly ResourceKey[];
}

/** One step of a batch: the change as listeners see it and, after a create or update, the owner to keep. */
export interface PlannedChange {
  readonly change: Change;
  readonly owner?: ResourceKey;
}

/** Revision and time (RFC 3339, UTC) given to everything a batch writes. */
export interface Stamp {
  readonly revision: number;
  readonly time: string;
}

/**
 * What a batch of mutations does to a state, or a StoreError saying why it can not be done. Pure: engines
 * differ only in how they keep the result. A later mutation sees the earlier ones; a deletion is followed by
 * those of the resources it owned. An update that names no owner keeps the one there is.
 */
export function planBatch(
  view: StateView,
  mutations: readonly Mutation[],
  stamp: Stamp,
): readonly PlannedChange[] {
  const state = new Overlay(view);
  for (const mutation of mutations) {
    if (mutation.op === 'create') create(state, mutation.write, stamp);
    else if (mutation.op === 'update') update(state, mutation, stamp);
    else remove(state, mutation.key, expected(state, mutation.key, mutation.expectedRevision));
  }
  return state.planned;
}

function create(state: Overlay, write: ResourceWrite, stamp: Stamp): void {
  if (state.get(write.key) !== undefined) {
    throw new StoreError('already-exists', `${describeKey(write.key)} already exists`);
  }
  put(state, write, { stamp, before: undefined });
}

function update(
  state: Overlay,
  { write, expectedRevision }: Mutation & { op: 'update' },
  stamp: Stamp,
): void {
  put(state, write, { stamp, before: expected(state, write.key, expectedRevision) });
}

function put(
  state: Overlay,
  write: ResourceWrite,
  to: { stamp: Stamp; before: StoredResource | undefined },
): void {
  const { stamp, before } = to;
  const owner = write.owner ?? before?.owner;
  if (owner !== undefined && state.get(owner) === undefined) {
    throw new StoreError(
      'not-found',
      `${describeKey(owner)}, the owner of ${describeKey(write.key)}, does not exist`,
    );
  }
  const after: Resource = deepFreeze({
    key: { type: write.key.type, mesh: write.key.mesh, name: write.key.name },
    labels: { ...write.labels },
    creationTime: before?.resource.creationTime ?? stamp.time,
    modificationTime: stamp.time,
    revision: stamp.revision,
    spec: toPlainJson(write.spec),
  });
  const change: Change =
    before === undefined
      ? { op: 'create', key: after.key, after }
      : { op: 'update', key: after.key, after, before: before.resource };
  state.add({ change: Object.freeze(change), ...(owner === undefined ? {} : { owner }) });
}

function remove(state: Overlay, key: ResourceKey, before: StoredResource): void {
  state.add({
    change: Object.freeze<Change>({ op: 'delete', key: before.resource.key, before: before.resource }),
  });
  for (const owned of state.ownedBy(key)) {
    const stored = state.get(owned);
    if (stored !== undefined) remove(state, owned, stored);
  }
}

/** The resource a mutation is about, at the revision its author has seen. */
function expected(state: Overlay, key: ResourceKey, revision: number | undefined): StoredResource {
  const stored = state.get(key);
  if (stored === undefined) throw new StoreError('not-found', `${describeKey(key)} does not exist`);
  if (revision !== undefined && revision !== stored.resource.revision) {
    throw new StoreError(
      'conflict',
      `${describeKey(key)} was changed meanwhile: expected revision ${revision}, found ${stored.resource.revision}`,
    );
  }
  return stored;
}

/** The view with the changes planned so far on top. */
class Overlay implements StateView {
  readonly planned: PlannedChange[] = [];
  readonly #view: StateView;
  readonly #written = new Set<string>();
  /** Those of the written ones that were not deleted. */
  readonly #live = new Map<string, StoredResource>();

  constructor(view: StateView) {
    this.#view = view;
  }

  get(key: ResourceKey): StoredResource | undefined {
    const id = mapKey(key);
    return this.#written.has(id) ? this.#live.get(id) : this.#view.get(key);
  }

  ownedBy(key: ResourceKey): readonly ResourceKey[] {
    const id = mapKey(key);
    const before = this.#view.ownedBy(key).filter((owned) => !this.#written.has(mapKey(owned)));
    const written = [...this.#live.values()].filter(
      ({ owner }) => owner !== undefined && mapKey(owner) === id,
    );
    return [...before, ...written.map(({ resource }) => resource.key)].sort(compareKeys);
  }

  add(planned: PlannedChange): void {
    const { change, owner } = planned;
    const id = mapKey(change.key);
    this.planned.push(planned);
    this.#live.delete(id);
    this.#written.add(id);
    if (change.after === undefined) return;
    this.#live.set(id, { resource: change.after, ...(owner === undefined ? {} : { owner }) });
  }
}

/** A copy nobody else holds, as it would come back from a disk. */
function toPlainJson(spec: unknown): unknown {
  const text: string | undefined = JSON.stringify(spec);
  if (text === undefined) throw new TypeError('the spec of a resource must be a JSON value');
  return JSON.parse(text);
}
