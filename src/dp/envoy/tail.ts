/** The last lines of one Envoy, kept for the case that it crashes. */
export interface Tail {
  push(line: string): void;
  /** Oldest first. */
  lines(): readonly string[];
}

export function createTail(limit = 200, maxLineLength = 2_000): Tail {
  const ring: string[] = [];
  let next = 0;
  return {
    push(line) {
      ring[next] = line.length > maxLineLength ? `${line.slice(0, maxLineLength)}…` : line;
      next = (next + 1) % limit;
    },
    lines: () => [...ring.slice(next), ...ring.slice(0, next)],
  };
}
