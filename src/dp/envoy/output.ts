import { stripVTControlCharacters } from 'node:util';

/** Splits what Envoy prints into lines. A line longer than the limit comes in pieces, so that memory stays bounded. */
export function createLineSplitter(onLine: (line: string) => void, maxLength = 64 * 1024): LineSplitter {
  let rest = '';
  const decoder = new TextDecoder();
  return {
    push(chunk) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
      if (rest.length > maxLength) {
        onLine(rest);
        rest = '';
      }
    },
    flush() {
      if (rest !== '') onLine(rest);
      rest = '';
    },
  };
}

export interface LineSplitter {
  push(chunk: Buffer): void;
  /** Hands over a last line without its end. */
  flush(): void;
}

/**
 * Each start of Envoy prints some 110 lines that list its extensions and HTTP headers. They tell nothing about this
 * proxy and drown what does.
 */
export function isNoise(line: string): boolean {
  if (!line.includes('source/server/server.cc')) return false;
  return (
    /statically linked extensions:$|HTTP header map info:$|re(quest|sponse) (header|trailer) map: \d+ bytes|server\.cc:\d+\] {2,}[a-z][\w.]*: /.test(
      line,
    ) ||
    /"main".*"message":"(statically linked extensions:|HTTP header map info:| {2}[a-z][\w.]*: | {2}re(quest|sponse) )/.test(
      line,
    ) ||
    /"logger":"envoy\.main".*"message":"(statically linked extensions:|HTTP header map info:| {2})/.test(line)
  );
}

/** A line of Envoy as the agent prints it; undefined when it is left out. */
export function formatLine(line: string, format: 'text' | 'json', now: () => Date): string | undefined {
  const text = line.trimEnd();
  if (text === '' || isNoise(text)) return undefined;
  if (format === 'text') return `envoy ${text}\n`;
  // Lines before Envoy's logging starts, and its last words, are plain text.
  if (text.startsWith('{"level":') && text.endsWith('}')) return `${text}\n`;
  const message = stripVTControlCharacters(text);
  return `${JSON.stringify({ level: 'error', logger: 'envoy', time: now().toISOString(), message })}\n`;
}

/** Whether the line tells of a refused configuration: reason enough to look at Envoy's counters at once. */
export function tellsRejection(line: string): boolean {
  return line.includes('rejected') && /gRPC config for|config rejected|rejected:/.test(line);
}
