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

export interface LeaseOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly graceMs: number;
  readonly leaseMs: number;
  readonly onLiveness: (proxy: ProxyId, liveness: Liveness) => void;
  readonly massLoss?: MassLossRule;
  /** How long endpoints are kept at most when this control plane suspects itself. */
  readonly suspicionMs?: number;
}

export class ProxyLeases {
  readonly #options: LeaseOptions;
  readonly #rule: MassLossRule;
  readonly #states = new Map<string, { proxy: ProxyId; current: State }>();
  /** Set while a mass loss is suspected; `missing` is the most that were missing at once. */
  #suspicion: { missing: number; readonly end: () => void } | undefined;

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
    this.#beginLoss(proxy, entry.current, this.#options.graceMs);
    this.#suspectIfMany();
  }

  /**
   * After a restart of this control plane: the proxy had a stream when we stopped. It serves for one whole lease and
   * then is out unless it came back.
   */
  awaitReturn(proxy: ProxyId, address: string): void {
    if (this.#states.has(toNodeId(proxy))) return;
    const { leaseMs } = this.#options;
    this.#beginLoss(proxy, { address, leaseMs }, leaseMs);
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
    this.#suspicion?.end();
    this.#suspicion = undefined;
  }

  #beginLoss(
    proxy: ProxyId,
    { address, leaseMs }: { address: string; leaseMs: number },
    quietMs: number,
  ): void {
    const { clock } = this.#options;
    const lost: Lost = { proxy, leaseMs, loss: { address, at: clock.monotonic() } };
    const cancel = clock.after(quietMs, () => this.#degrade(lost, quietMs));
    this.#move(proxy, { state: 'lost', ...lost, cancel }, 'serving');
  }

  #degrade(lost: Lost, quietMs: number): void {
    const { proxy, leaseMs } = lost;
    const rest = leaseMs - quietMs;
    if (this.#suspicion !== undefined) return;
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
    if (this.#suspicion !== undefined) return;
    this.#options.logger.warn(
      { mesh: proxy.mesh, dataplane: proxy.name },
      'lease of proxy is over; its endpoints are out',
    );
    this.#move(proxy, { state: 'out' }, 'out');
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

  #suspectIfMany(): void {
    const { clock, logger, suspicionMs = 600_000 } = this.#options;
    const lost = this.#lost();
    if (this.#suspicion !== undefined) {
      this.#suspicion.missing = Math.max(this.#suspicion.missing, lost.length);
      return;
    }
    const connected = [...this.#states.values()].filter((e) => e.current.state === 'connected').length;
    if (
      !isMassLoss(
        lost.map((l) => l.loss),
        connected,
        clock.monotonic(),
        this.#rule,
      )
    )
      return;
    logger.warn(
      { lost: lost.length, connected },
      'many proxies were lost together: suspecting this control plane or its network, their endpoints are kept',
    );
    this.#suspicion = {
      missing: lost.length,
      end: clock.after(suspicionMs, () => this.#endSuspicion('the time for it is over')),
    };
    for (const each of lost) this.#move(each.proxy, { state: 'lost', ...each, cancel: () => {} }, 'serving');
  }

  #endSuspicionIfHalfAreBack(): void {
    if (this.#suspicion === undefined) return;
    if (this.#lost().length <= this.#suspicion.missing / 2) this.#endSuspicion('half of them are back');
  }

  /** Those still missing get one whole lease from now, degraded. */
  #endSuspicion(why: string): void {
    this.#suspicion?.end();
    this.#suspicion = undefined;
    const missing = this.#lost();
    this.#options.logger.info({ missing: missing.length, why }, 'no longer suspecting this control plane');
    for (const lost of missing) this.#degrade(lost, 0);
  }
}
