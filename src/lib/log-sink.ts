import type { Writable } from 'node:stream';

/** Where log lines go. Never blocks and never grows without bound. */
export interface LogSink {
  write(line: string): void;
  /** Waits, for at most `timeoutMs`, until everything is handed to the reader. */
  flush(timeoutMs: number): Promise<void>;
}

export interface LogSinkOptions {
  /** Text that may wait for the reader; 1 MiB when absent. */
  readonly maxBytes?: number;
  /** The line, with its end, that tells of lines that were left out. */
  readonly describeDropped?: (lines: number) => string;
}

/**
 * Writes lines to a stream whose reader may be slow or gone. Beyond `maxBytes` of waiting text lines are dropped and
 * counted, and the count is written when there is room again: a stuck log reader must not stop the one who logs.
 */
export function createLogSink(stream: Writable, options: LogSinkOptions = {}): LogSink {
  const { maxBytes = 1024 * 1024, describeDropped = sayDropped } = options;
  unblock(stream);
  let dropped = 0;
  let broken = false;
  // The reader went away (EPIPE): there is nobody left to tell.
  stream.on('error', () => {
    broken = true;
  });
  return {
    write(line) {
      if (broken) return;
      if (stream.writableLength > maxBytes) {
        dropped++;
        return;
      }
      if (dropped > 0) {
        stream.write(describeDropped(dropped));
        dropped = 0;
      }
      stream.write(line);
    },
    flush: (timeoutMs) =>
      new Promise((resolve) => {
        if (broken || stream.writableLength === 0) return resolve();
        const timer = setTimeout(resolve, timeoutMs);
        stream.write('', () => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

/**
 * Node writes to a terminal synchronously. One that nobody reads, after Ctrl-S or in a connection that is stuck, would stop
 * the whole program. There is no public way to have it otherwise.
 */
function unblock(stream: Writable): void {
  const { isTTY, _handle: handle } = stream as Writable & {
    readonly isTTY?: boolean;
    readonly _handle?: { readonly setBlocking?: (blocking: boolean) => unknown };
  };
  if (isTTY === true) handle?.setBlocking?.(false);
}

function sayDropped(lines: number): string {
  return `(${lines} log lines left out: the reader of the log is too slow)\n`;
}
