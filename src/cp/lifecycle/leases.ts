import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Liveness } from '../mesh/snapshot.ts';
import { DEFAULT_MASS_LOSS_RULE, isMassLoss, type Loss, type MassLossRule } from './mass-loss.ts';
import { type ProxyId, toNodeId } from './proxy-id.ts';

/**
 * Life of a proxy by lease, not by stream: a lost stream first gets `graceMs` to return, then its endpoints are
 * degraded (peers prefer others), and after `leaseMs` they are out. An announced leave is out at once. A proxy that
 * never connected is not known here and serves.
 */
type State =
  | { readonly state: 'connected'; readonly address: string; readonly leaseMs: number }
  /** Stream lost at `loss.at`; `cancel` stops the timer of the next step. */
  | { readonly state: 'lost'; readonly loss: Loss; readonly leaseMs: number; readonly cancel: () => void }
  | { readonly state: 'out' };

interface Lost {
  readonly proxy: ProxyId;
  readonly loss: Loss;
  readonly leaseMs: number;
}

/** While a mass loss is suspected, no lease ends. */
interface Suspicion {
  /** Node ids of all that were lost together or since. */
  readonly missing: Set<string>;
  /** Node ids whose next step came due meanwhile. */
  readonly held: Set<string>;
  readonly cancelTimer: () => void;
}

export interface LeaseOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly graceMs: number;
  readonly leaseMs: number;
  readonly onLiveness: (proxy: ProxyId, liveness: Liveness) => void;
  /** Its lease is over; not called for one that left. */
  readonly onExpired?: (proxy: ProxyId) => void;
  readonly massLoss?: MassLossRule;
  /** How long endpoints are kept at most when this control plane suspects itself. */
  readonly suspicionMs?: number;
}

export class ProxyLeases {
  readonly #options: LeaseOptions;
  readonly #rule: MassLossRule;
  readonly #states = new Map<string, { proxy: ProxyId; current: State }>();
  #suspicion: Suspicion | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#rule = options.massLoss ?? DEFAULT_MASS_LOSS_RULE;
  }

  /**
   * A stream of the proxy is open. `address` is where its host is known, for telling hosts apart; `leaseMs` is longer
   * than the usual one for an agent whose Envoy outlives it.
   */
  connected(proxy: ProxyId, address: string, leaseMs = this.#options.leaseMs): void {
    this.#move(proxy, { state: 'connected', address, leaseMs }, 'serving');
    this.#endSuspicionIfHalfAreBack();
  }

  /** Its stream broke or ended unannounced. */
  lost(proxy: ProxyId): void {
    const entry = this.#states.get(toNodeId(proxy));
    if (entry?.current.state !== 'connected') return;
    const at = this.#options.clock.monotonic();
    this.#beginLoss(
      { proxy, leaseMs: entry.current.leaseMs, loss: { address: entry.current.address, at } },
      this.#options.graceMs,
    );
    this.#suspectIfMany(proxy);
  }

  /**
   * After a restart of this control plane: the proxy had a stream when we stopped. It serves for one whole lease and
   * then is out unless it came back.
   */
  awaitReturn(proxy: ProxyId, address: string): void {
    if (this.#states.has(toNodeId(proxy))) return;
    const { leaseMs } = this.#options;
    // No loss that anybody saw: it is no sign that this control plane is at fault now.
    this.#beginLoss({ proxy, leaseMs, loss: { address, at: Number.NEGATIVE_INFINITY } }, leaseMs);
  }

  /** The agent said it stops, or the lease was over before a restart: out now. */
  left(proxy: ProxyId): void {
    this.#move(proxy, { state: 'out' }, 'out');
  }

  /** The Dataplane is gone. */
  forget(proxy: ProxyId): void {
    this.#cancelTimer(toNodeId(proxy));
    this.#states.delete(toNodeId(proxy));
  }

  isConnected(proxy: ProxyId): boolean {
    return this.#states.get(toNodeId(proxy))?.current.state === 'connected';
  }

  stop(): void {
    for (const nodeId of this.#states.keys()) this.#cancelTimer(nodeId);
    this.#suspicion?.cancelTimer();
    this.#suspicion = undefined;
  }

  #beginLoss(lost: Lost, quietMs: number): void {
    const cancel = this.#options.clock.after(quietMs, () => this.#degrade(lost, quietMs));
    this.#move(lost.proxy, { state: 'lost', ...lost, cancel }, 'serving');
  }

  #degrade(lost: Lost, quietMs: number): void {
    const { proxy, leaseMs } = lost;
    const rest = leaseMs - quietMs;
    if (this.#isHeld(proxy)) return;
    if (rest <= 0) {
      this.#expire(proxy);
      return;
    }
    const cancel = this.#options.clock.after(rest, () => this.#expire(proxy));
    this.#move(proxy, { state: 'lost', ...lost, cancel }, 'degraded');
    this.#options.logger.warn(
      { mesh: proxy.mesh, dataplane: proxy.name },
      'proxy did not return after its stream was lost; its endpoints are degraded',
    );
  }

  #expire(proxy: ProxyId): void {
    if (this.#isHeld(proxy)) return;
    this.#options.logger.warn(
      { mesh: proxy.mesh, dataplane: proxy.name },
      'lease of proxy is over; its endpoints are out',
    );
    this.#move(proxy, { state: 'out' }, 'out');
    this.#options.onExpired?.(proxy);
  }

  #isHeld(proxy: ProxyId): boolean {
    this.#suspicion?.held.add(toNodeId(proxy));
    return this.#suspicion !== undefined;
  }

  #move(proxy: ProxyId, next: State, liveness: Liveness): void {
    const nodeId = toNodeId(proxy);
    this.#cancelTimer(nodeId);
    this.#states.set(nodeId, { proxy, current: next });
    this.#options.onLiveness(proxy, liveness);
  }

  #cancelTimer(nodeId: string): void {
    const current = this.#states.get(nodeId)?.current;
    if (current?.state === 'lost') current.cancel();
  }

  #lost(): Lost[] {
    const found: Lost[] = [];
    for (const { proxy, current } of this.#states.values()) {
      if (current.state === 'lost') found.push({ proxy, loss: current.loss, leaseMs: current.leaseMs });
    }
    return found;
  }

  #suspectIfMany(last: ProxyId): void {
    const { clock, logger, suspicionMs = 600_000 } = this.#options;
    if (this.#suspicion !== undefined) {
      this.#suspicion.missing.add(toNodeId(last));
      return;
    }
    const now = clock.monotonic();
    const recent = this.#lost().filter(({ loss }) => now - loss.at <= this.#rule.windowMs);
    const connected = [...this.#states.values()].filter((e) => e.current.state === 'connected').length;
    const losses = recent.map(({ loss }) => loss);
    if (!isMassLoss(losses, connected, now, this.#rule)) return;
    logger.warn(
      { lost: recent.length, connected },
      'many proxies were lost together: suspecting this control plane or its network, their endpoints are kept',
    );
    this.#suspicion = {
      missing: new Set(recent.map(({ proxy }) => toNodeId(proxy))),
      held: new Set(),
      cancelTimer: clock.after(suspicionMs, () => this.#endSuspicion('the time for it is over')),
    };
    // Hosts that were missing before stay as they are: only their leases do not end meanwhile.
    for (const each of recent)
      this.#move(each.proxy, { state: 'lost', ...each, cancel: () => {} }, 'serving');
  }

  #endSuspicionIfHalfAreBack(): void {
    if (this.#suspicion === undefined) return;
    const { missing } = this.#suspicion;
    const still = this.#lost().filter(({ proxy }) => missing.has(toNodeId(proxy)));
    if (still.length <= missing.size / 2) this.#endSuspicion('half of them are back');
  }

  /** Those still missing get one whole lease from now, degraded. */
  #endSuspicion(why: string): void {
    const { missing = new Set(), held = new Set(), cancelTimer } = this.#suspicion ?? {};
    cancelTimer?.();
    this.#suspicion = undefined;
    const waiting = this.#lost().filter(({ proxy }) => [missing, held].some((s) => s.has(toNodeId(proxy))));
    this.#options.logger.info({ missing: waiting.length, why }, 'no longer suspecting this control plane');
    for (const lost of waiting) this.#degrade(lost, 0);
  }
}
