import { describe, expect, test } from 'vitest';
import { parseFilters } from '../../../../src/cp/api/filters.ts';
import type { Resource } from '../../../../src/model/resource.ts';
import { dataplaneType } from '../../../../src/model/resources/dataplane.ts';
import { meshType } from '../../../../src/model/resources/mesh.ts';

const dataplane = (name: string, networking: object, labels = {}): Resource => ({
  key: { type: 'Dataplane', mesh: 'default', name },
  labels,
  creationTime: '',
  modificationTime: '',
  revision: 1,
  spec: { networking: { address: '10.0.0.1', ...networking } },
});

const ALL = [
  dataplane(
    'redis-1',
    { inbound: [{ port: 1, tags: { 'kuma.io/service': 'redis', version: 'v1' } }] },
    { team: 'a' },
  ),
  dataplane(
    'redis-2',
    { inbound: [{ port: 1, tags: { 'kuma.io/service': 'redis-cache' } }] },
    { team: 'b', tier: '1' },
  ),
  dataplane('edge', { gateway: { tags: { 'kuma.io/service': 'edge' } } }),
  dataplane('built', { gateway: { type: 'BUILTIN', tags: { 'kuma.io/service': 'built' } } }),
];

function names(query: string): readonly string[] | string {
  const parsed = parseFilters(dataplaneType, new URLSearchParams(query));
  if (parsed.kind === 'invalid') return `${parsed.parameter.field} ${parsed.parameter.reason}`;
  return ALL.filter(parsed.keep).map(({ key }) => key.name);
}

describe('a list of data plane proxies', () => {
  test.each([
    ['', ['redis-1', 'redis-2', 'edge', 'built']],
    ['name=redis', ['redis-1', 'redis-2']],
    ['name=2', ['redis-2']],
    ['tag=kuma.io/service:redis', ['redis-1', 'redis-2']],
    ['tag=kuma.io/service:redis&tag=version:v1', ['redis-1']],
    ['tag=version:v2', []],
    ['tag=kuma.io/service:edge', ['edge']],
    ['gateway=true', ['edge', 'built']],
    ['gateway=false', ['redis-1', 'redis-2']],
    ['gateway=builtin', ['built']],
    ['gateway=delegated', ['edge']],
    ['filter[labels.team]=a', ['redis-1']],
    ['filter[labels.team]=b&filter[labels.tier]=1', ['redis-2']],
    ['filter[labels.team]=a&filter[labels.team]=b', ['redis-2']],
    ['name=redis&filter[labels.team]=b', ['redis-2']],
    ['unknown=1', ['redis-1', 'redis-2', 'edge', 'built']],
  ])('with "%s" has %j', (query, expected) => {
    expect(names(query)).toEqual(expected);
  });

  test.each([
    ['tag=redis', 'tag has to be KEY:VALUE'],
    ['gateway=maybe', 'gateway has to be one of true, false, builtin, delegated'],
    ['gateway=constructor', 'gateway has to be one of'],
    ['filter[name]=x', 'filter[name] only filter[labels.KEY]=VALUE is possible'],
  ])('refuses "%s"', (query, reason) => {
    expect(names(query)).toContain(reason);
  });
});

test('tags do not filter types that have none', () => {
  expect(parseFilters(meshType, new URLSearchParams('tag=nonsense')).kind).toBe('filter');
});
