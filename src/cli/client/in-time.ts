import { afterPatience } from '../../lib/patience.ts';

/** Runs `task` with a signal that is aborted with a TimeoutError when somebody was waited for in vain for so long. */
export async function inTime<T>(timeoutMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const cancel = afterPatience(timeoutMs, () =>
    late.abort(new DOMException('no answer before the timeout', 'TimeoutError')),
  );
  try {
    return await task(late.signal);
  } finally {
    cancel();
  }
}
