import type { Resource } from './resource.ts';

/** What one Envoy is to have of one type, as seen by its stream. */
export interface View {
  get(name: string): Resource | undefined;
  /** For wildcard subscriptions. */
  all(): Iterable<Resource>;
  /** The whole set is known; until then a wildcard is not answered. */
  readonly complete: boolean;
  /** The control plane said that there is no such resource. */
  isAbsent(name: string): boolean;
}

/** Nothing is known yet. */
export const UNKNOWN_VIEW: View = {
  get: () => undefined,
  all: () => [],
  complete: false,
  isAbsent: () => false,
};

/** What one map holds is all there is, if `complete`. */
export function viewOf(
  map: ReadonlyMap<string, Resource>,
  complete: boolean,
  absent?: ReadonlySet<string>,
): View {
  return {
    get: (name) => map.get(name),
    all: () => map.values(),
    complete,
    isAbsent: (name) => (complete && !map.has(name)) || (absent?.has(name) ?? false),
  };
}

/** `first` where it has something, else `second`. A set of `first` that is complete is not added to. */
export function layered(first: View, second: View): View {
  return {
    get: (name) => first.get(name) ?? second.get(name),
    all: () => (first.complete ? first.all() : second.all()),
    complete: first.complete || second.complete,
    isAbsent: (name) => first.get(name) === undefined && second.isAbsent(name),
  };
}

/** The names of `newest`, each with the content it has in `proven`, if it is there and `wanted` for this resource. */
export function provenFirst(
  newest: View,
  proven: View,
  wanted: (resource: Resource) => boolean = () => true,
): View {
  const prefer = (resource: Resource) =>
    wanted(resource) ? (proven.get(resource.name) ?? resource) : resource;
  return {
    get: (name) => {
      const resource = newest.get(name);
      if (resource !== undefined) return prefer(resource);
      return newest.isAbsent(name) ? undefined : proven.get(name);
    },
    all: () => [...newest.all()].map(prefer),
    complete: newest.complete,
    isAbsent: (name) => newest.isAbsent(name),
  };
}
