import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AdsStream } from './ads-stream.ts';

/** More replacements than this within the window: two agents push each other out. */
const REPLACEMENTS = 5;
const WINDOW_MS = 10_000;

interface Entry {
  readonly stream: AdsStream;
  /** When streams of this node were replaced lately, on the monotonic clock. */
  readonly replacedAt: readonly number[];
}

/** The one live stream of each node. */
export class StreamRegistry {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  get(nodeId: string): AdsStream | undefined {
    return this.#entries.get(nodeId)?.stream;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Makes `stream` the node's stream; the one before it is closed before this returns. */
  claim(nodeId: string, stream: AdsStream): void {
    const before = this.#entries.get(nodeId);
    this.#entries.set(nodeId, {
      stream,
      replacedAt: before === undefined ? [] : this.#noteReplacement(nodeId, before, stream),
    });
    before?.stream.close(
      'ABORTED',
      'replaced by a newer stream of this proxy: another agent may run under its mesh and name',
    );
  }

  release(nodeId: string, stream: AdsStream): void {
    if (this.#entries.get(nodeId)?.stream === stream) this.#entries.delete(nodeId);
  }

  #noteReplacement(nodeId: string, { stream, replacedAt }: Entry, newer: AdsStream): readonly number[] {
    const now = this.#clock.monotonic();
    const recent = [...replacedAt.filter((at) => now - at < WINDOW_MS), now];
    if (recent.length <= REPLACEMENTS) return recent;
    this.#logger.warn(
      { node: nodeId, peers: [stream.info?.peer, newer.info?.peer], replacements: recent.length },
      `streams of node ${nodeId} replace each other: two agents seem to run under one name; give one of them another name`,
    );
    return [];
  }
}
