import { describe, expect, test } from 'vitest';
import { paginate, parsePage } from '../../../../src/cp/api/paging.ts';

const parse = (query: string) => parsePage(new URLSearchParams(query));

describe('size and offset of a list', () => {
  test.each([
    ['', { size: 100, offset: 0 }],
    ['size=', { size: 100, offset: 0 }],
    ['size=1', { size: 1, offset: 0 }],
    ['size=1000&offset=7', { size: 1000, offset: 7 }],
    ['size=5&size=6', { size: 6, offset: 0 }],
  ])('"%s" asks for %j', (query, page) => {
    expect(parse(query)).toEqual({ kind: 'page', page });
  });

  test.each([
    ['size=0', 'size', 'must be greater than 0'],
    ['size=-3', 'size', 'must be greater than 0'],
    ['size=ten', 'size', 'invalid format'],
    ['size=1e3', 'size', 'invalid format'],
    ['size=1001', 'size', 'invalid page size of 1001. Maximum page size is 1000'],
    ['offset=-1', 'offset', 'invalid format'],
    ['offset=x', 'offset', 'invalid format'],
  ])('"%s" is refused', (query, field, reason) => {
    expect(parse(query)).toMatchObject({ kind: 'invalid', parameter: { field, reason } });
  });
});

describe('a page', () => {
  const url = new URL('http://cp:5681/meshes?name=a%26b&offset=0&filter[labels.k]=v');
  const all = ['a', 'b', 'c'];

  test('names the next one by an absolute URL that keeps the other parameters', () => {
    const { items, total, next } = paginate(all, { size: 2, offset: 0 }, url);
    expect({ items, total }).toEqual({ items: ['a', 'b'], total: 3 });
    const following = new URL(next ?? '');
    expect(following.origin).toBe('http://cp:5681');
    expect(Object.fromEntries(following.searchParams)).toEqual({
      name: 'a&b',
      'filter[labels.k]': 'v',
      offset: '2',
      size: '2',
    });
  });

  test('that ends exactly with the list has no next one', () => {
    expect(paginate(all, { size: 1, offset: 2 }, url)).toEqual({ total: 3, items: ['c'], next: null });
  });

  test('beyond the end is empty', () => {
    expect(paginate(all, { size: 2, offset: 9 }, url)).toEqual({ total: 3, items: [], next: null });
  });
});
