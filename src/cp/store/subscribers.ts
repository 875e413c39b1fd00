import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Committed } from './store.ts';

type Listener = (batch: Committed) => void;

/** Listeners of a store. Every one sees every batch, in order, also when a listener itself commits the next one. */
export class Subscribers {
  readonly #listeners = new Set<{ readonly listener: Listener }>();
  readonly #queue: Committed[] = [];
  readonly #logger: Logger;
  #publishing = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(listener: Listener): () => void {
    const entry = { listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  clear(): void {
    this.#listeners.clear();
  }

  /** Has told all listeners when it returns, unless it is called by one: then once the running round is over. */
  publish(batch: Committed): void {
    this.#queue.push(batch);
    if (this.#publishing) return;
    this.#publishing = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const entry of [...this.#listeners])
        if (this.#listeners.has(entry)) this.#tell(entry.listener, next);
    }
    this.#publishing = false;
  }

  /** The batch is durable already: a listener that fails may not make its commit look failed. */
  #tell(listener: Listener, batch: Committed): void {
    try {
      listener(batch);
    } catch (error) {
      this.#logger.error(
        { revision: batch.revision, cause: describeError(error) },
        'a store listener failed',
      );
    }
  }
}
