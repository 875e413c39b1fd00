import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

/** A proxy that is refused comes back every second or two; the log tells of it when the reason is new, and then now and then. */
const REPEAT_MS = 60_000;
/** Node ids are the callers' own words: more of them than this are not remembered. */
const MAX_REMEMBERED = 1_000;
const MAX_NODE_LENGTH = 200;

export class RefusalLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #told = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  refused(nodeId: string, peer: string, reason: string): void {
    const node = nodeId.slice(0, MAX_NODE_LENGTH);
    const now = this.#clock.monotonic();
    const last = this.#told.get(node);
    if (last?.reason === reason && now - last.at < REPEAT_MS) return;
    this.#told.delete(node);
    this.#told.set(node, { reason, at: now });
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
    this.#logger.warn({ node, peer, reason: reason.slice(0, 1_000) }, 'stream of a proxy refused');
  }

  /** The next refusal of this node is told again. */
  accepted(nodeId: string): void {
    this.#told.delete(nodeId.slice(0, MAX_NODE_LENGTH));
  }
}
