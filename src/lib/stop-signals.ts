/** A wish to stop, in two strengths. */
export interface StopRequest {
  /** Aborted by the first signal, with its name as reason. */
  readonly graceful: AbortSignal;
  /** Aborted by the second one. */
  readonly immediate: AbortSignal;
  /** The same wish without a signal, and again for the second one; absent where only signals are heard. */
  readonly request?: (cause: string) => void;
  /** Gives the signals back to their default actions. */
  dispose(): void;
}

/** The part of `process` that is used; a test passes an emitter. */
export interface SignalSource {
  on(name: string, listener: () => void): unknown;
  off(name: string, listener: () => void): unknown;
}

const STOP_SIGNALS: readonly string[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

/** `names` are those that mean the end; a program that gives SIGHUP another meaning leaves it out. */
export function listenForStop(source: SignalSource, names = STOP_SIGNALS): StopRequest {
  const graceful = new AbortController();
  const immediate = new AbortController();
  const listeners = names.map((name) => {
    const listener = () => (graceful.signal.aborted ? immediate : graceful).abort(name);
    source.on(name, listener);
    return { name, listener };
  });
  return {
    graceful: graceful.signal,
    immediate: immediate.signal,
    dispose: () => {
      for (const { name, listener } of listeners) source.off(name, listener);
    },
  };
}
