import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ProxySnapshot } from '../../xds/resource.ts';
import { type Generated, generate } from '../generate/generate.ts';
import type { MeshDifference } from '../mesh/difference.ts';
import type { MeshSnapshot } from '../mesh/snapshot.ts';
import { routeByTrafficRoutes } from '../policies/traffic-route.ts';
import { SyncError } from './errors.ts';

/** Where finished configuration goes; a stream reads it from there. */
export interface ConfigCache {
  set(nodeId: string, snapshot: ProxySnapshot): void;
  delete(nodeId: string): void;
}

export interface ProxyConfigsOptions {
  readonly cache: ConfigCache;
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'monotonic'>;
}

interface ConnectedProxy {
  readonly nodeId: string;
  readonly name: string;
  last?: Generated;
  /** Problems last logged, so that each is told once. */
  told: string;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Time one turn of the event loop may spend on generation, before sockets, timers and requests get theirs. */
const SLICE_MS = 10;

/** The connected proxies of one mesh: what each was given last, and who is concerned by a change. */
export class ProxyConfigs {
  readonly #cache: ConfigCache;
  readonly #logger: Logger;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #proxies = new Map<string, ConnectedProxy>();
  readonly #byDataplane = new Map<string, Set<ConnectedProxy>>();
  readonly #byService = new Map<string, Set<ConnectedProxy>>();
  /** Concerned by a change and not given it yet, in the order of concern. */
  readonly #due = new Set<ConnectedProxy>();
  #snapshot: MeshSnapshot | undefined;
  #scheduled = false;

  constructor({ cache, logger, clock }: ProxyConfigsOptions) {
    this.#cache = cache;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Fills the cache for a proxy; throws SyncError when that cannot be done. */
  connect(nodeId: string, name: string, snapshot: MeshSnapshot): void {
    const proxy: ConnectedProxy = { nodeId, name, told: '' };
    this.disconnect(nodeId);
    this.#regenerate(proxy, snapshot);
    this.#proxies.set(nodeId, proxy);
    link(this.#byDataplane, name, proxy);
    for (const service of proxy.last?.services ?? NOTHING) link(this.#byService, service, proxy);
    if (proxy.last !== undefined) this.#cache.set(nodeId, proxy.last.resources);
  }

  disconnect(nodeId: string): void {
    const proxy = this.#proxies.get(nodeId);
    if (proxy === undefined) return;
    this.#proxies.delete(nodeId);
    this.#due.delete(proxy);
    unlink(this.#byDataplane, proxy.name, proxy);
    for (const service of proxy.last?.services ?? NOTHING) unlink(this.#byService, service, proxy);
    this.#cache.delete(nodeId);
  }

  /**
   * Regenerates the proxies that the change concerns. One that fails keeps what it has and the others go on; so does
   * one whose Dataplane is gone: its stream decides when it ends. Without `difference` all are concerned. What takes
   * longer than a slice goes on in the next turns, always from the newest snapshot.
   */
  update(snapshot: MeshSnapshot, difference: MeshDifference | undefined): void {
    this.#snapshot = snapshot;
    for (const proxy of this.#affectedBy(difference)) this.#due.add(proxy);
    this.#work();
  }

  #work(): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    const end = this.#clock.monotonic() + SLICE_MS;
    for (const proxy of this.#due) {
      this.#due.delete(proxy);
      this.#refresh(proxy, snapshot);
      if (this.#clock.monotonic() >= end) break;
    }
    if (this.#due.size === 0 || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#work();
    });
  }

  #refresh(proxy: ConnectedProxy, snapshot: MeshSnapshot): void {
    const services = proxy.last?.services ?? NOTHING;
    try {
      if (!snapshot.dataplanes.has(proxy.name)) return;
      this.#regenerate(proxy, snapshot);
    } catch (error) {
      const facts = { mesh: snapshot.name, dataplane: proxy.name, cause: describeError(error) };
      this.#logger.error(facts, 'configuration of the proxy could not be made, it keeps the one before');
      return;
    }
    this.#relink(proxy, services);
    if (proxy.last !== undefined) this.#cache.set(proxy.nodeId, proxy.last.resources);
  }

  #affectedBy(difference: MeshDifference | undefined): ReadonlySet<ConnectedProxy> {
    if (difference === undefined || difference.mesh || difference.policies.size > 0) {
      return new Set(this.#proxies.values());
    }
    const { dataplanes, services } = difference;
    const affected = new Set<ConnectedProxy>();
    for (const name of dataplanes) for (const proxy of this.#byDataplane.get(name) ?? []) affected.add(proxy);
    for (const name of services) for (const proxy of this.#byService.get(name) ?? []) affected.add(proxy);
    return affected;
  }

  #regenerate(proxy: ConnectedProxy, snapshot: MeshSnapshot): void {
    const dataplane = snapshot.dataplanes.get(proxy.name);
    if (dataplane === undefined) {
      throw new SyncError(
        'unknown-dataplane',
        `there is no Dataplane ${proxy.name} in mesh ${snapshot.name}`,
      );
    }
    const routing = routeByTrafficRoutes(snapshot, dataplane);
    const previous = proxy.last?.resources;
    proxy.last = generate({ snapshot, dataplane, routing, ...(previous === undefined ? {} : { previous }) });
    this.#tell(proxy, snapshot.name);
  }

  #tell(proxy: ConnectedProxy, mesh: string): void {
    const problems = proxy.last?.problems ?? [];
    const text = problems.join('; ');
    if (text === proxy.told) return;
    proxy.told = text;
    if (text !== '') {
      this.#logger.warn({ mesh, dataplane: proxy.name, problems }, 'parts of the proxy were left out');
    }
  }

  #relink(proxy: ConnectedProxy, before: ReadonlySet<string>): void {
    const after = proxy.last?.services ?? NOTHING;
    if (after === before) return;
    for (const service of before) if (!after.has(service)) unlink(this.#byService, service, proxy);
    for (const service of after) link(this.#byService, service, proxy);
  }
}

function link<V>(index: Map<string, Set<V>>, key: string, value: V): void {
  const found = index.get(key);
  if (found === undefined) index.set(key, new Set([value]));
  else found.add(value);
}

function unlink<V>(index: Map<string, Set<V>>, key: string, value: V): void {
  const found = index.get(key);
  found?.delete(value);
  if (found?.size === 0) index.delete(key);
}
