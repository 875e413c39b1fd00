import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Liveness } from '../mesh/snapshot.ts';
import { type ProxyId, toNodeId } from './proxy-id.ts';

/** What an agent says of the application behind its proxy. */
export interface HealthWord {
  readonly healthy: boolean;
  /** Why not, one line. */
  readonly reason: string;
}

export interface ProxyHealthOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether its Dataplane is known. */
  readonly isKnown: (proxy: ProxyId) => Promise<boolean>;
  readonly onLiveness: (proxy: ProxyId, liveness: Liveness) => void;
  /** Writes down why the proxy does not serve; undefined when nothing speaks against it. */
  readonly onIllness: (proxy: ProxyId, reason: string | undefined) => void;
}

/** Agents repeat an illness every 30 s; one that stopped to do so was started anew without an eye on its application. */
const BELIEVED_MS = 100_000;

/**
 * Lays the health of applications over the life of their proxies: a proxy whose application is ill is out, however well
 * its stream is. An illness is known until the agent takes it back, or no longer repeats it while its stream is there,
 * or until the proxy's lease ends.
 */
export class ProxyHealth {
  readonly #options: ProxyHealthOptions;
  /** What the lease says; serving where nothing stands. */
  readonly #liveness = new Map<string, Liveness>();
  /** Of each that is ill, what ends the waiting for a repetition. */
  readonly #ill = new Map<string, () => void>();

  constructor(options: ProxyHealthOptions) {
    this.#options = options;
  }

  setLiveness(proxy: ProxyId, liveness: Liveness): void {
    const id = toNodeId(proxy);
    if (liveness === 'serving') this.#liveness.delete(id);
    else this.#liveness.set(id, liveness);
    if (liveness === 'out') this.#recover(proxy);
    this.#publish(proxy);
  }

  /** `POST /health`. False when the proxy is not known. */
  async report(proxy: ProxyId, { healthy, reason }: HealthWord): Promise<boolean> {
    const { isKnown, onIllness, logger } = this.#options;
    if (!(await isKnown(proxy))) return false;
    const wasIll = this.#ill.has(toNodeId(proxy));
    if (healthy) {
      if (!wasIll) return true;
      this.#recover(proxy);
      logger.info({ ...proxy }, 'application is healthy; its endpoints are in');
    } else {
      this.#believe(proxy);
      onIllness(proxy, reason);
      if (wasIll) return true;
      logger.warn({ ...proxy, reason }, 'application is not healthy; its endpoints are out');
    }
    this.#publish(proxy);
    return true;
  }

  /** Known from before a restart of this control plane. */
  restoreIllness(proxy: ProxyId): void {
    this.#believe(proxy);
    this.#publish(proxy);
  }

  /** The Dataplane is gone; one made anew under its name is another. */
  forget(proxy: ProxyId): void {
    this.#liveness.delete(toNodeId(proxy));
    this.#recover(proxy);
  }

  stop(): void {
    for (const cancel of this.#ill.values()) cancel();
  }

  #believe(proxy: ProxyId): void {
    const id = toNodeId(proxy);
    this.#ill.get(id)?.();
    const cancel = this.#options.clock.after(BELIEVED_MS, () => {
      // With its stream lost it cannot repeat anything; then the lease decides.
      if (this.#liveness.has(id)) {
        this.#believe(proxy);
        return;
      }
      this.#options.logger.info({ ...proxy }, 'agent no longer says that its application is ill');
      this.#recover(proxy);
      this.#publish(proxy);
    });
    this.#ill.set(id, cancel);
  }

  #recover(proxy: ProxyId): void {
    const id = toNodeId(proxy);
    this.#ill.get(id)?.();
    if (this.#ill.delete(id)) this.#options.onIllness(proxy, undefined);
  }

  #publish(proxy: ProxyId): void {
    const id = toNodeId(proxy);
    this.#options.onLiveness(proxy, this.#ill.has(id) ? 'out' : (this.#liveness.get(id) ?? 'serving'));
  }
}
