import { CLUSTER, LISTENER } from '../envoy/type-urls.ts';

/**
 * What a client asked for of one type: a value, replaced by each request that changes it. The rules are those of the
 * xDS protocol, "How the client specifies what resources to return" and "Unsubscribing from resources".
 */
export interface Subscription {
  /** Everything there is, by name `*` or by the legacy rule of a first request without names. */
  readonly wildcard: boolean;
  /** Wildcard by the legacy rule: in SotW it ends with the first explicit name. */
  readonly legacy: boolean;
  readonly names: ReadonlySet<string>;
}

/** A subscription after a request, and what that request obliges the server to. */
export interface SubscriptionChange {
  readonly subscription: Subscription;
  /** Names to be answered, even if the client is believed to have them. */
  readonly asked: readonly string[];
  /** Names the client may have forgotten since. Under a wildcard they are still due to it. */
  readonly dropped: readonly string[];
  /** The wildcard was asked for by this request: an answer is due, if need be an empty one. */
  readonly wildcardAsked: boolean;
  readonly wildcardDropped: boolean;
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** A first request without names means "everything" for these types only; for others it means nothing. */
export function hasLegacyWildcard(typeUrl: string): boolean {
  return typeUrl === CLUSTER || typeUrl === LISTENER;
}

/** SotW: every request lists all names. `before` is undefined for the first request of the type on its stream. */
export function subscribeSotw(
  before: Subscription | undefined,
  typeUrl: string,
  resourceNames: readonly string[],
): SubscriptionChange {
  const legacy = resourceNames.length === 0 && hasLegacyWildcard(typeUrl) && (before?.legacy ?? true);
  const names = new Set(resourceNames);
  const wildcard = names.delete('*') || legacy;
  const known = before?.names ?? NO_NAMES;
  return {
    subscription: { wildcard, legacy, names },
    asked: [...names].filter((name) => !known.has(name)),
    dropped: [...known].filter((name) => !names.has(name)),
    wildcardAsked: wildcard && before?.wildcard !== true,
    wildcardDropped: !wildcard && before?.wildcard === true,
  };
}

/** What a delta request says about names. */
export interface NamesDelta {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
}

/** Delta: every request lists what changes. `before` is undefined for the first request of the type on its stream. */
export function subscribeDelta(
  before: Subscription | undefined,
  typeUrl: string,
  { subscribe, unsubscribe }: NamesDelta,
): SubscriptionChange {
  const legacy = before === undefined ? subscribe.length === 0 && hasLegacyWildcard(typeUrl) : before.legacy;
  const wildcardNamed = subscribe.includes('*');
  const wildcardDropped = unsubscribe.includes('*') && !wildcardNamed && (before?.wildcard ?? false);
  const wildcard = wildcardNamed || ((before?.wildcard ?? legacy) && !wildcardDropped);
  const asked = subscribe.filter((name) => name !== '*');
  const dropped = unsubscribe.filter(
    (name) => name !== '*' && before?.names.has(name) === true && !asked.includes(name),
  );
  return {
    subscription: {
      wildcard,
      legacy: legacy && !wildcardDropped,
      names: changeNames(before?.names ?? NO_NAMES, asked, dropped),
    },
    asked,
    dropped,
    wildcardAsked: wildcardNamed || (before === undefined && legacy),
    wildcardDropped,
  };
}

/** The same set when nothing changes: acknowledgements are the most frequent requests. */
function changeNames(
  names: ReadonlySet<string>,
  add: readonly string[],
  remove: readonly string[],
): ReadonlySet<string> {
  if (add.length === 0 && remove.length === 0) return names;
  const next = new Set(names);
  for (const name of remove) next.delete(name);
  for (const name of add) next.add(name);
  return next;
}
