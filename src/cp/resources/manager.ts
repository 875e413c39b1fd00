import { isDeepStrictEqual } from 'node:util';
import { describeError } from '../../lib/coded-error.ts';
import { type JsonObject, stableStringify } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { type Violation, Violations } from '../../lib/violations.ts';
import { readResource } from '../../model/read-resource.ts';
import { keyText, type Resource, type ResourceKey, type ResourceType } from '../../model/resource.ts';
import { StoreError } from '../store/errors.ts';
import type { Mutation, ResourceWrite, Store } from '../store/store.ts';
import type { Advise } from './advice.ts';
import { mergeLabels } from './labels.ts';
import { createQueue } from './queue.ts';
import { complete, type ResourceReader, reasonsAgainstDelete } from './rules.ts';

/**
 * The only writer to the store. A document comes in at `put`, in either dialect; it is parsed, validated, completed
 * with what the control plane adds and committed. What the control plane itself observes (insights) comes in at
 * `writeOwned`. Writes of this process go one after another, so that a rule over two resources (a mesh is not deleted
 * under its data plane proxies) holds; writes of other control planes are met by revision and tried again.
 */
export interface ResourceManager extends ResourceReader {
  put(request: PutRequest): Promise<PutOutcome>;
  delete(key: ResourceKey): Promise<DeleteOutcome>;
  /** Writes all in one commit and leaves out those whose owner is gone; resolves to how many were written. */
  writeOwned(records: readonly OwnedRecord[]): Promise<number>;
}

export interface ManagerOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** Name of the zone this control plane is. */
  readonly zone: string;
  readonly advise: Advise;
}

export interface PutRequest {
  readonly body: JsonObject;
  /** What the URL, or whoever calls, says the document is; the body has to agree. */
  readonly expected: { readonly type: string; readonly mesh?: string; readonly name: string };
  /** false spares the look at other resources, for callers that show warnings to nobody. */
  readonly advise?: boolean;
}

/** `updated` also when nothing had to be written because the document changes nothing. */
export type PutOutcome =
  | {
      readonly kind: 'created' | 'updated';
      readonly resource: Resource;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'invalid'; readonly violations: readonly Violation[] }
  | { readonly kind: 'not-found'; readonly what: 'mesh'; readonly name: string }
  | { readonly kind: 'conflict' };

export type DeleteOutcome =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'invalid'; readonly violations: readonly Violation[] }
  | { readonly kind: 'conflict' };

export interface OwnedRecord {
  readonly key: ResourceKey;
  readonly spec: unknown;
  /** Deleted together with it. */
  readonly owner: ResourceKey;
}

/** Another control plane may win a race this often before the caller is told. */
const ATTEMPTS = 5;

export function createResourceManager(options: ManagerOptions): ResourceManager {
  const { store } = options;
  const inTurn = createQueue();
  const reader: ResourceReader = { get: (key) => store.get(key), list: (query) => store.list(query) };
  return {
    ...reader,
    put: (request) => put(options, inTurn, request),
    delete: (key) => inTurn(() => retryOnConflict(() => deleteOne(store, key))),
    writeOwned: (records) => inTurn(() => writeOwned(store, records)),
  };
}

interface Document {
  readonly type: ResourceType;
  readonly key: ResourceKey;
  readonly labels: Resource['labels'];
  readonly spec: unknown;
}

async function put(
  options: ManagerOptions,
  inTurn: ReturnType<typeof createQueue>,
  request: PutRequest,
): Promise<PutOutcome> {
  const parsed = readResource(request.body);
  const violations = new Violations();
  violations.addAll(disagreements(request));
  violations.addAll(
    parsed.violations.filter((v) => !violations.list.some((known) => known.field === v.field)),
  );
  const document = parsed.spec;
  if (document === undefined || !violations.empty) return { kind: 'invalid', violations: violations.list };
  const outcome = await inTurn(() => retryOnConflict(() => putOne(options, document)));
  if (outcome.kind !== 'created' && outcome.kind !== 'updated') return outcome;
  const advice = request.advise === false ? [] : await askAdvice(options, outcome.resource);
  return { ...outcome, warnings: [...parsed.warnings, ...outcome.warnings, ...advice] };
}

/** Violations of a body that says something else than its URL. */
function disagreements({ body, expected }: PutRequest): readonly Violation[] {
  const fields = ['type', 'mesh', 'name'] as const;
  return fields
    .filter((field) => expected[field] !== undefined && body[field] !== expected[field])
    .map((field) => ({ field, message: `${field} from the URL has to be the same as in body` }));
}

async function putOne({ store, zone }: ManagerOptions, document: Document): Promise<PutOutcome> {
  const { key, type } = document;
  const owner = type.scope === 'mesh' ? meshKey(key.mesh) : undefined;
  if (owner !== undefined && (await store.get(owner)) === undefined) {
    return { kind: 'not-found', what: 'mesh', name: key.mesh };
  }
  const existing = await store.get(key);
  const completed = complete(type, document, zone);
  const { labels, violations } = mergeLabels({
    document: document.labels,
    server: completed.labels,
    existing: existing?.labels,
  });
  if (violations.length > 0) return { kind: 'invalid', violations };
  const write: ResourceWrite = {
    key,
    labels,
    spec: completed.spec,
    ...(owner === undefined ? {} : { owner }),
  };
  const resource = await upsert(store, write, existing);
  return { kind: existing === undefined ? 'created' : 'updated', resource, warnings: completed.warnings };
}

/** A document that changes nothing writes nothing: applying the same again wakes nobody. */
async function upsert(store: Store, write: ResourceWrite, existing: Resource | undefined): Promise<Resource> {
  if (existing !== undefined && isSame(existing, write)) return existing;
  const { changes } = await store.commit([toMutation(write, existing)]);
  const after = changes.find((change) => keyText(change.key) === keyText(write.key))?.after;
  if (after === undefined)
    throw new StoreError('corrupt', `the store committed ${keyText(write.key)} without reporting it`);
  return after;
}

async function deleteOne(store: Store, key: ResourceKey): Promise<DeleteOutcome> {
  const existing = await store.get(key);
  if (existing === undefined) return { kind: 'not-found' };
  const violations = await reasonsAgainstDelete(key, store);
  if (violations.length > 0) return { kind: 'invalid', violations };
  await store.commit([{ op: 'delete', key, expectedRevision: existing.revision }]);
  return { kind: 'deleted' };
}

async function writeOwned(store: Store, records: readonly OwnedRecord[]): Promise<number> {
  const mutations: Mutation[] = [];
  for (const { key, spec, owner } of records) {
    if ((await store.get(owner)) === undefined) continue;
    const existing = await store.get(key);
    const write: ResourceWrite = { key, labels: {}, spec, owner };
    if (existing === undefined || !isDeepStrictEqual(existing.spec, spec))
      mutations.push(toMutation(write, existing));
  }
  if (mutations.length > 0) await store.commit(mutations);
  return mutations.length;
}

function toMutation(write: ResourceWrite, existing: Resource | undefined): Mutation {
  if (existing === undefined) return { op: 'create', write };
  return { op: 'update', write, expectedRevision: existing.revision };
}

function isSame(existing: Resource, { labels, spec }: ResourceWrite): boolean {
  return stableStringify([existing.labels, existing.spec]) === stableStringify([labels, spec]);
}

async function retryOnConflict<T>(attempt: () => Promise<T>): Promise<T | { readonly kind: 'conflict' }> {
  for (let left = ATTEMPTS; left > 0; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRace(error)) throw error;
    }
  }
  return { kind: 'conflict' };
}

/** Between our read and our write another control plane changed, made or deleted the resource. */
function isRace(error: unknown): boolean {
  return error instanceof StoreError && ['conflict', 'already-exists', 'not-found'].includes(error.code);
}

/** Advice never fails what is already committed. */
async function askAdvice(
  { advise, store, logger }: ManagerOptions,
  resource: Resource,
): Promise<readonly string[]> {
  try {
    return await advise(resource, store);
  } catch (error) {
    logger.warn(
      { resource: keyText(resource.key), error: describeError(error) },
      'no advice for a stored resource',
    );
    return [];
  }
}

function meshKey(name: string): ResourceKey {
  return { type: 'Mesh', mesh: '', name };
}
