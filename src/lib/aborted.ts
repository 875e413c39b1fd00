/** Resolves once the signal is aborted. What waits for it is kept as long as the signal: not for waiting again and again. */
export function aborted(signal: AbortSignal): Promise<true> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(true);
    else signal.addEventListener('abort', () => resolve(true), { once: true });
  });
}
