import type { LogSink } from '../../lib/log-sink.ts';

/** A sink that can be shut for a while; what comes meanwhile is let go. */
export interface LogGate extends LogSink {
  shut(): void;
  open(): void;
}

export function createLogGate(sink: LogSink): LogGate {
  let isOpen = true;
  return {
    write(line) {
      if (isOpen) sink.write(line);
    },
    flush: (timeoutMs) => sink.flush(timeoutMs),
    shut() {
      isOpen = false;
    },
    open() {
      isOpen = true;
    },
  };
}
