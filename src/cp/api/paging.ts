import type { InvalidParameter, RestList } from '../../model/rest.ts';

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1000;

export interface Page {
  readonly size: number;
  readonly offset: number;
}

export type ParsedPage =
  | { readonly kind: 'page'; readonly page: Page }
  | { readonly kind: 'invalid'; readonly detail: string; readonly parameter: InvalidParameter };

/** `size` and `offset` of a list query; the last one counts where one is repeated. */
export function parsePage(query: URLSearchParams): ParsedPage {
  const size = query.getAll('size').at(-1) ?? '';
  const offset = query.getAll('offset').at(-1) ?? '';
  const sizeProblem = describeSize(size);
  if (sizeProblem !== undefined) return invalid('Invalid page size', 'size', sizeProblem);
  if (offset !== '' && !/^\d{1,15}$/.test(offset))
    return invalid('Invalid offset', 'offset', 'invalid format');
  return {
    kind: 'page',
    page: { size: size === '' ? DEFAULT_PAGE_SIZE : Number(size), offset: Number(offset) },
  };
}

/** Cuts one page; `url` is the absolute URL of this request, whose other parameters the next one keeps. */
export function paginate<T>(all: readonly T[], page: Page, url: URL): RestList<T> {
  const end = page.offset + page.size;
  return {
    total: all.length,
    items: all.slice(page.offset, end),
    next: end < all.length ? nextUrl(url, { offset: end, size: page.size }) : null,
  };
}

function nextUrl(url: URL, page: Page): string {
  const next = new URL(url);
  next.searchParams.delete('offset');
  next.searchParams.delete('size');
  next.searchParams.set('offset', String(page.offset));
  next.searchParams.set('size', String(page.size));
  return next.href;
}

function describeSize(size: string): string | undefined {
  if (size === '') return undefined;
  if (!/^-?\d{1,15}$/.test(size)) return 'invalid format';
  if (Number(size) <= 0) return 'must be greater than 0';
  if (Number(size) > MAX_PAGE_SIZE)
    return `invalid page size of ${Number(size)}. Maximum page size is ${MAX_PAGE_SIZE}`;
  return undefined;
}

function invalid(detail: string, field: string, reason: string): ParsedPage {
  return { kind: 'invalid', detail, parameter: { field, reason } };
}
