import type { Protocol } from '../../model/resources/dataplane-spec.ts';
import type { Endpoint, ServiceMember, ServiceView } from './snapshot.ts';

export type Services = ReadonlyMap<string, ServiceView>;

/** For each proxy that changed, what it contributes now; nothing for one that is gone. */
export type Contributions = ReadonlyMap<
  string,
  readonly (readonly [service: string, member: ServiceMember])[]
>;

/**
 * The index of services after some proxies changed. `left` names the services each of them was in before. Only the
 * services touched by a change are looked at; a view whose content did not change keeps its identity.
 */
export function updateServices(
  previous: Services,
  left: ReadonlyMap<string, readonly string[]>,
  contributions: Contributions,
): Services {
  const touched = new Set<string>([...left.values()].flat());
  const joining = new Map<string, ServiceMember[]>();
  for (const members of contributions.values()) {
    for (const [service, member] of members) {
      touched.add(service);
      const list = joining.get(service);
      if (list === undefined) joining.set(service, [member]);
      else list.push(member);
    }
  }
  let next: Map<string, ServiceView> | undefined;
  for (const name of touched) {
    const before = previous.get(name);
    const stay = before?.members.filter((m) => !contributions.has(m.dataplane)) ?? [];
    const after = updateView(name, before, [...stay, ...(joining.get(name) ?? [])]);
    if (after === before) continue;
    next ??= new Map(previous);
    if (after === undefined) next.delete(name);
    else next.set(name, after);
  }
  return next ?? previous;
}

function updateView(
  name: string,
  before: ServiceView | undefined,
  unsorted: readonly ServiceMember[],
): ServiceView | undefined {
  if (unsorted.length === 0) return undefined;
  // Stable: inbounds of one proxy stay as written.
  const members = unsorted.toSorted((a, b) => compareText(a.dataplane, b.dataplane));
  const found = members.flatMap((m) => m.endpoint ?? []).sort(compareEndpoints);
  const endpoints =
    before !== undefined && sameList(before.endpoints, found, sameEndpoint) ? before.endpoints : found;
  if (endpoints === before?.endpoints && sameList(before.members, members, sameMember)) return before;
  return { name, protocol: commonProtocol(members), endpoints, members };
}

function commonProtocol(members: readonly ServiceMember[]): Protocol {
  const first = members[0]?.protocol ?? 'tcp';
  return members.every((m) => m.protocol === first) ? first : 'tcp';
}

function compareEndpoints(a: Endpoint, b: Endpoint): number {
  return compareText(a.address, b.address) || a.port - b.port || compareText(a.dataplane, b.dataplane);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x, i) => same(x, b[i] as T));
}

function sameMember(a: ServiceMember, b: ServiceMember): boolean {
  if (a === b) return true;
  const endpoints =
    a.endpoint === b.endpoint ||
    (a.endpoint !== undefined && b.endpoint !== undefined && sameEndpoint(a.endpoint, b.endpoint));
  return endpoints && a.dataplane === b.dataplane && a.protocol === b.protocol;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  if (a === b) return true;
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.health === b.health &&
    a.dataplane === b.dataplane &&
    sameTags(a.tags, b.tags)
  );
}

function sameTags(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((k) => a[k] === b[k]);
}
