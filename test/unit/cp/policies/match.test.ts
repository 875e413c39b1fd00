import { describe, expect, test } from 'vitest';
import { type ConnectionPolicy, matcherFor } from '../../../../src/cp/policies/match.ts';
import type { Resource } from '../../../../src/model/resource.ts';
import type { Tags } from '../../../../src/model/tags.ts';

function policy(name: string, source: Tags, destination: Tags, creationTime = '2030-01-01T00:00:00Z') {
  return {
    key: { type: 'TrafficRoute', mesh: 'default', name },
    labels: {},
    creationTime,
    modificationTime: creationTime,
    revision: 1,
    spec: { sources: [{ match: source }], destinations: [{ match: destination }] },
  } satisfies Resource<ConnectionPolicy>;
}

const any = { 'kuma.io/service': '*' };
const web = { 'kuma.io/service': 'web' };
const api = { 'kuma.io/service': 'api' };
const caller = [{ 'kuma.io/service': 'web', version: '1' }];

function chosen(policies: readonly Resource<ConnectionPolicy>[], sources: readonly Tags[] = caller) {
  return matcherFor(policies, sources)(api)?.key.name;
}

describe('which policy a connection gets', () => {
  test('one whose both sides match, or none', () => {
    expect(chosen([policy('other-source', api, any), policy('other-destination', web, web)])).toBeUndefined();
    expect(chosen([policy('p', web, api)])).toBe('p');
  });

  test('a star matches any value of a tag, but wants the tag', () => {
    expect(chosen([policy('p', { version: '*' }, any)])).toBe('p');
    expect(chosen([policy('p', { region: '*' }, any)])).toBeUndefined();
  });

  test('an empty selector matches everything, a proxy without any tags too', () => {
    expect(chosen([policy('p', {}, {})], [])).toBe('p');
  });

  test('an exact tag is more specific than a star', () => {
    expect(chosen([policy('star', any, any), policy('exact', any, api)])).toBe('exact');
  });

  test('more tags are more specific than fewer exact ones', () => {
    expect(chosen([policy('one-exact', web, any), policy('two-stars', { ...any, version: '*' }, any)])).toBe(
      'two-stars',
    );
  });

  test('both sides are added up', () => {
    const one = policy('source-and-star', { ...web, version: '1' }, any);
    const other = policy('both-exact', web, api);
    expect(chosen([other, one])).toBe('source-and-star');
  });

  test('the best selector of a policy counts, over all tag sets of the caller', () => {
    const several = policy('several', any, api);
    const sources = [{ match: any }, { match: { 'kuma.io/service': 'admin', version: '1' } }];
    const twoWays = { ...several, spec: { ...several.spec, sources } };
    const rival = policy('rival', web, api);
    expect(chosen([twoWays, rival], caller)).toBe('rival');
    expect(chosen([twoWays, rival], [...caller, { 'kuma.io/service': 'admin', version: '1' }])).toBe(
      'several',
    );
  });

  test('of equals the newest wins, in any order given, fractions of a second counted', () => {
    const old = policy('a', web, api, '2030-01-01T00:00:00Z');
    const young = policy('b', web, api, '2030-01-01T00:00:00.5Z');
    expect(chosen([old, young])).toBe('b');
    expect(chosen([young, old])).toBe('b');
  });

  test('of equals of one moment the first by name wins', () => {
    expect(chosen([policy('b', web, api), policy('a', web, api)])).toBe('a');
  });
});
