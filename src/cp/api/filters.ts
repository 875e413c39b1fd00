import type { Resource, ResourceType } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import type { InvalidParameter } from '../../model/rest.ts';
import type { Tags } from '../../model/tags.ts';

type Keep = (resource: Resource) => boolean;

export type ParsedFilter =
  | { readonly kind: 'filter'; readonly keep: Keep }
  | { readonly kind: 'invalid'; readonly parameter: InvalidParameter };

/** Reads one parameter of a list query; undefined when there is nothing to filter by. */
type ReadFilter = (query: URLSearchParams) => ParsedFilter | undefined;

const COMMON: readonly ReadFilter[] = [byName, byLabels];
/** Further parameters of single types. */
const OF_TYPE: Readonly<Record<string, readonly ReadFilter[]>> = { Dataplane: [byTags, byGateway] };

/** What a list of this type keeps. All filters that are given have to agree. */
export function parseFilters(type: ResourceType, query: URLSearchParams): ParsedFilter {
  const keeps: Keep[] = [];
  for (const read of [...COMMON, ...(OF_TYPE[type.name] ?? [])]) {
    const filter = read(query);
    if (filter?.kind === 'invalid') return filter;
    if (filter !== undefined) keeps.push(filter.keep);
  }
  return { kind: 'filter', keep: (resource) => keeps.every((keep) => keep(resource)) };
}

function byName(query: URLSearchParams): ParsedFilter | undefined {
  const part = query.getAll('name').at(-1) ?? '';
  return part === '' ? undefined : { kind: 'filter', keep: ({ key }) => key.name.includes(part) };
}

/** `filter[labels.KEY]=VALUE`: exact; the last value of a key counts. */
function byLabels(query: URLSearchParams): ParsedFilter | undefined {
  const wanted = new Map<string, string>();
  for (const [parameter, value] of query) {
    if (!parameter.startsWith('filter[')) continue;
    const key = /^filter\[labels\.(.+)\]$/.exec(parameter)?.[1];
    if (key === undefined) return invalid(parameter, 'only filter[labels.KEY]=VALUE is possible');
    wanted.set(key, value);
  }
  if (wanted.size === 0) return undefined;
  return { kind: 'filter', keep: ({ labels }) => [...wanted].every(([key, value]) => labels[key] === value) };
}

/** `tag=KEY:VALUE`, repeatable: some inbound or the gateway has the key with a value that contains the given one. */
function byTags(query: URLSearchParams): ParsedFilter | undefined {
  const wanted: (readonly [key: string, value: string])[] = [];
  for (const text of query.getAll('tag')) {
    const colon = text.indexOf(':');
    if (colon < 1) return invalid('tag', `has to be KEY:VALUE, got "${text.slice(0, 100)}"`);
    wanted.push([text.slice(0, colon), text.slice(colon + 1)]);
  }
  if (wanted.length === 0) return undefined;
  const keep: Keep = ({ spec }) => {
    const sets = tagSets(spec as DataplaneSpec);
    return wanted.every(([key, value]) => sets.some((tags) => tags[key]?.includes(value)));
  };
  return { kind: 'filter', keep };
}

const GATEWAY_CHOICES: Readonly<Record<string, (type: 'DELEGATED' | 'BUILTIN' | undefined) => boolean>> = {
  true: (type) => type !== undefined,
  false: (type) => type === undefined,
  builtin: (type) => type === 'BUILTIN',
  delegated: (type) => type === 'DELEGATED',
};

function byGateway(query: URLSearchParams): ParsedFilter | undefined {
  const choice = query.getAll('gateway').at(-1);
  if (choice === undefined || choice === '') return undefined;
  const fits = Object.hasOwn(GATEWAY_CHOICES, choice) ? GATEWAY_CHOICES[choice] : undefined;
  const choices = Object.keys(GATEWAY_CHOICES);
  if (fits === undefined) return invalid('gateway', `has to be one of ${choices.join(', ')}`, choices);
  return { kind: 'filter', keep: ({ spec }) => fits(gatewayType(spec as DataplaneSpec)) };
}

function gatewayType({ networking: { gateway } }: DataplaneSpec): 'DELEGATED' | 'BUILTIN' | undefined {
  return gateway === undefined ? undefined : (gateway.type ?? 'DELEGATED');
}

function tagSets({ networking: { inbound, gateway } }: DataplaneSpec): readonly Tags[] {
  return [...(inbound ?? []).map(({ tags }) => tags), ...(gateway === undefined ? [] : [gateway.tags])];
}

function invalid(field: string, reason: string, choices?: readonly string[]): ParsedFilter {
  return { kind: 'invalid', parameter: { field, reason, ...(choices === undefined ? {} : { choices }) } };
}
