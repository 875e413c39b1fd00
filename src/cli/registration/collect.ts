/** Gathers the values of a flag that may be given several times; the flag is undefined when it is not given. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}
