/** Freezes a tree of plain objects and lists in place. Trees reach here bounded in depth (`json-door.ts`). */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
