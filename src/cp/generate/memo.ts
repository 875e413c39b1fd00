/**
 * Remembers results by the value of their parameters for as long as anybody holds the result: equal parameters give
 * the same object, and nothing is kept that no proxy uses. `params` must be plain JSON.
 */
export function memoiseByValue<P, R extends object>(build: (params: P) => R): (params: P) => R {
  const known = new Map<string, WeakRef<R>>();
  const gone = new FinalizationRegistry<string>((key) => {
    // The entry may have been made anew meanwhile.
    if (known.get(key)?.deref() === undefined) known.delete(key);
  });
  return (params) => {
    const key = JSON.stringify(params);
    const found = known.get(key)?.deref();
    if (found !== undefined) return found;
    const made = build(params);
    known.set(key, new WeakRef(made));
    gone.register(made, key);
    return made;
  };
}
