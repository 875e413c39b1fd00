import type { StopRequest } from '../../lib/stop-signals.ts';

/**
 * A stop that can also be asked for without a signal: the first time in good order, the second time at once. Where there is
 * more to stop than who is asked, that hears of it.
 */
export function acceptStops(signals: StopRequest): {
  readonly stop: StopRequest;
  readonly request: (cause: string) => void;
} {
  if (signals.request !== undefined) return { stop: signals, request: signals.request };
  const graceful = new AbortController();
  const immediate = new AbortController();
  const stop: StopRequest = {
    graceful: AbortSignal.any([signals.graceful, graceful.signal]),
    immediate: AbortSignal.any([signals.immediate, immediate.signal]),
    dispose: () => signals.dispose(),
  };
  // A signal that follows a request is the second wish, too.
  signals.graceful.addEventListener(
    'abort',
    () => {
      if (graceful.signal.aborted) immediate.abort(signals.graceful.reason);
    },
    { once: true },
  );
  return {
    stop,
    request: (cause) => (stop.graceful.aborted ? immediate : graceful).abort(cause),
  };
}
