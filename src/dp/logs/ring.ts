import type { LogSink } from '../../lib/log-sink.ts';

/** The newest lines of the agent and its Envoy, in memory. The oldest give way. */
export interface LogRing {
  /** Takes a line with its end. */
  write(line: string): void;
  /** The newest `count` lines, oldest first. */
  last(count: number): readonly string[];
  /** Calls back with each new line until the returned function is called. */
  follow(onLine: (line: string) => void): () => void;
}

export interface LogRingLimits {
  readonly maxLines: number;
  /** Of all lines together, in UTF-16 units. A single longer line is cut. */
  readonly maxLength: number;
}

const LIMITS: LogRingLimits = { maxLines: 2_000, maxLength: 512 * 1024 };
const CUT = '…\n';

export function createLogRing({ maxLines, maxLength }: LogRingLimits = LIMITS): LogRing {
  let lines: string[] = [];
  let first = 0;
  let length = 0;
  const followers = new Set<(line: string) => void>();
  return {
    write(line) {
      const kept = line.length > maxLength ? `${line.slice(0, maxLength - CUT.length)}${CUT}` : line;
      lines.push(kept);
      length += kept.length;
      while (lines.length - first > maxLines || length > maxLength) {
        length -= lines[first]?.length ?? 0;
        lines[first++] = '';
      }
      // Moving all lines for each one that goes would cost more than to hold the places for a while.
      if (first > maxLines) {
        lines = lines.slice(first);
        first = 0;
      }
      for (const tell of followers) tell(line);
    },
    last: (count) => lines.slice(Math.max(first, lines.length - Math.max(0, count))),
    follow(onLine) {
      followers.add(onLine);
      return () => followers.delete(onLine);
    },
  };
}

/** A sink that also keeps what goes through it. */
export function keepLines(sink: LogSink, ring: LogRing): LogSink {
  return {
    write(line) {
      ring.write(line);
      sink.write(line);
    },
    flush: (timeoutMs) => sink.flush(timeoutMs),
  };
}
