import { type CallResult, call } from './calls.ts';

/** A load that goes on until it is told to end, and remembers every call that failed. */
export interface Load {
  readonly failures: readonly CallResult[];
  readonly calls: number;
  /** Ends the load and resolves when its last call is back. */
  end(): Promise<void>;
}

/** `workers` callers, each one call after the other on new connections, with a short pause. */
export function startLoad(url: string, workers = 4, pauseMs = 5): Load {
  const failures: CallResult[] = [];
  let calls = 0;
  let ended = false;
  const worker = async () => {
    while (!ended) {
      const result = await call(url);
      calls++;
      if (result.outcome !== 200) failures.push(result);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const workersDone = Promise.all(Array.from({ length: workers }, worker));
  return {
    failures,
    get calls() {
      return calls;
    },
    async end() {
      ended = true;
      await workersDone;
    },
  };
}
