import { type Doubts, NO_DOUBTS } from '../machine.ts';

/** Nodes remembered at once; of more, the longest gone is forgotten first. */
const MAX_NODES = 20_000;

/**
 * What ended streams left unclear, until the node's next stream asks. A client that reconnects claims the versions of
 * the responses it accepted, though it may run parts of one it refused: believed, they would keep these parts after
 * the configuration was taken back.
 */
export class DoubtMemory {
  readonly #byNode = new Map<string, Doubts>();
  readonly #maxNodes: number;

  constructor(maxNodes = MAX_NODES) {
    this.#maxNodes = maxNodes;
  }

  remember(nodeId: string, doubts: Doubts): void {
    if (doubts.size === 0) return;
    this.#byNode.delete(nodeId);
    this.#byNode.set(nodeId, doubts);
    if (this.#byNode.size <= this.#maxNodes) return;
    const [oldest] = this.#byNode.keys();
    if (oldest !== undefined) this.#byNode.delete(oldest);
  }

  take(nodeId: string): Doubts {
    const doubts = this.#byNode.get(nodeId) ?? NO_DOUBTS;
    this.#byNode.delete(nodeId);
    return doubts;
  }
}
