// From the store to the xDS cache. Events of the store and of the life cycle are collected for a few milliseconds, then
// each mesh they touch takes one step, and the connected proxies that the step concerns are given what changed.

import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { resourceTypes } from '../../model/registry.ts';
import { differenceOf } from '../mesh/difference.ts';
import type { Liveness, MeshSnapshot } from '../mesh/snapshot.ts';
import type { Committed, Store } from '../store/store.ts';
import { SyncError } from './errors.ts';
import { type ConfigCache, ProxyConfigs } from './proxy-configs.ts';
import { SyncedMesh } from './synced-mesh.ts';

export interface MeshSyncOptions {
  readonly store: Pick<Store, 'list' | 'subscribe' | 'revision'>;
  readonly cache: ConfigCache;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long a first event waits for more of its kind; 3 ms when absent. */
  readonly coalesceMs?: number;
}

export interface ProxyConnection {
  readonly mesh: string;
  readonly name: string;
  /** Key in the cache. */
  readonly nodeId: string;
  readonly adminPort?: number;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface MeshSync {
  /** Reads the whole store and follows it from there on. Resolves when all snapshots are made. */
  start(): Promise<void>;
  /**
   * Resolves when the cache holds the node's configuration, all commits that resolved before the call included.
   * Throws SyncError when its mesh or Dataplane does not exist.
   */
  connect(proxy: ProxyConnection): Promise<void>;
  disconnect(nodeId: string): void;
  setLiveness(mesh: string, dataplane: string, liveness: Liveness): void;
  snapshotOf(mesh: string): MeshSnapshot | undefined;
  /**
   * Called with each new snapshot. The cache is filled from it by then, but for what a change of very many proxies
   * leaves to the next turns of the event loop. The returned function ends it.
   */
  onSnapshot(listener: (snapshot: MeshSnapshot) => void): () => void;
  /** Ends all following; the cache keeps what it has. */
  stop(): void;
}

const DEFAULT_COALESCE_MS = 3;

export function createMeshSync(options: MeshSyncOptions): MeshSync {
  return new StoreFollower(options);
}

interface Entry {
  readonly mesh: SyncedMesh;
  readonly proxies: ProxyConfigs;
}

class StoreFollower implements MeshSync {
  readonly #options: MeshSyncOptions;
  readonly #meshes = new Map<string, Entry>();
  /** Node id to the connection that owns it. */
  readonly #connections = new Map<string, ProxyConnection>();
  readonly #listeners = new Set<{ readonly call: (snapshot: MeshSnapshot) => void }>();
  #settled: PromiseWithResolvers<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #unsubscribe: (() => void) | undefined;
  #started: Promise<void> | undefined;
  /** Batches committed while the store is being read. */
  #held: Committed[] | undefined;
  #stopped = false;

  constructor(options: MeshSyncOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    this.#started ??= this.#load();
    return this.#started;
  }

  async connect(proxy: ProxyConnection): Promise<void> {
    this.#connections.set(proxy.nodeId, proxy);
    try {
      await this.start();
      await this.#settled?.promise;
      // Disconnected, or connected anew, while it waited.
      if (this.#connections.get(proxy.nodeId) !== proxy) return;
      if (this.#stopped) throw new SyncError('stopped', 'the control plane is stopping');
      const entry = this.#meshes.get(proxy.mesh);
      const snapshot = entry?.mesh.snapshot;
      if (entry === undefined || snapshot === undefined) {
        throw new SyncError('unknown-mesh', `there is no Mesh ${proxy.mesh}`);
      }
      entry.proxies.connect(proxy.nodeId, proxy.name, snapshot);
    } catch (error) {
      if (this.#connections.get(proxy.nodeId) === proxy) this.#connections.delete(proxy.nodeId);
      throw error;
    }
  }

  disconnect(nodeId: string): void {
    const proxy = this.#connections.get(nodeId);
    if (proxy === undefined) return;
    this.#connections.delete(nodeId);
    this.#meshes.get(proxy.mesh)?.proxies.disconnect(nodeId);
  }

  setLiveness(mesh: string, dataplane: string, liveness: Liveness): void {
    this.#entry(mesh).mesh.setLiveness(dataplane, liveness);
    this.#schedule();
  }

  snapshotOf(mesh: string): MeshSnapshot | undefined {
    return this.#meshes.get(mesh)?.mesh.snapshot;
  }

  onSnapshot(listener: (snapshot: MeshSnapshot) => void): () => void {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#cancelTimer?.();
    this.#settled?.resolve();
    this.#settled = undefined;
  }

  async #load(): Promise<void> {
    const { store } = this.#options;
    this.#held = [];
    this.#unsubscribe = store.subscribe((batch) => {
      if (this.#held === undefined) this.#take(batch);
      else this.#held.push(batch);
    });
    const revision = await store.revision();
    for (const { name } of resourceTypes) {
      for (const resource of await store.list({ type: name })) {
        const change = { op: 'create', key: resource.key, after: resource } as const;
        this.#take({ revision, changes: [change] });
      }
    }
    // Each says what a resource is now, so saying it once more is harmless.
    const held = this.#held;
    this.#held = undefined;
    for (const batch of held) this.#take(batch);
    this.#flush();
  }

  #take({ revision, changes }: Committed): void {
    for (const change of changes) {
      const mesh = change.key.type === 'Mesh' ? change.key.name : change.key.mesh;
      if (mesh !== '') this.#entry(mesh).mesh.note(change, revision);
    }
    this.#schedule();
  }

  #entry(name: string): Entry {
    let found = this.#meshes.get(name);
    if (found === undefined) {
      const { logger } = this.#options;
      found = { mesh: new SyncedMesh(name, logger), proxies: new ProxyConfigs(this.#options) };
      this.#meshes.set(name, found);
    }
    return found;
  }

  #schedule(): void {
    // What comes while the store is being read is taken in at the end of that.
    if (this.#settled !== undefined || this.#held !== undefined || this.#stopped) return;
    if (![...this.#meshes.values()].some(({ mesh }) => mesh.dirty)) return;
    const { clock, coalesceMs = DEFAULT_COALESCE_MS } = this.#options;
    this.#settled = Promise.withResolvers();
    this.#cancelTimer = clock.after(coalesceMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancelTimer?.();
    for (const entry of this.#meshes.values()) {
      if (!entry.mesh.dirty) continue;
      try {
        this.#step(entry);
      } catch (error) {
        const facts = { mesh: entry.mesh.name, cause: describeError(error) };
        this.#options.logger.error(facts, 'a change of the mesh could not be taken in');
      }
    }
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.resolve();
  }

  #step({ mesh, proxies }: Entry): void {
    const before = mesh.snapshot;
    const after = mesh.advance();
    if (after === undefined) return;
    proxies.update(after, before === undefined ? undefined : differenceOf(before, after));
    for (const { call } of [...this.#listeners]) call(after);
  }
}
