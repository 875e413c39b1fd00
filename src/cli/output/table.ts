import { toPrintable } from './printable.ts';

/** How rows of one kind are shown: the headers and a function from an item to its cells, in the same order. */
export interface Columns<Item> {
  readonly headers: readonly string[];
  readonly row: (item: Item, nowMs: number) => readonly string[];
}

const GAP = '   ';

/**
 * Columns as wide as their widest cell and three spaces between; the last column is not padded. An empty list is
 * the header alone. This is 2.14's layout to the byte, which scripts cut by columns.
 */
export function formatTable<Item>(columns: Columns<Item>, items: readonly Item[], nowMs: number): string {
  const lines = [columns.headers, ...items.map((item) => columns.row(item, nowMs).map(toPrintable))];
  const last = columns.headers.length - 1;
  const widths = columns.headers.map((_, i) =>
    lines.reduce((max, cells) => Math.max(max, width(cells[i] ?? '')), 0),
  );
  const pad = (cell: string, i: number) =>
    i === last ? cell : cell + ' '.repeat((widths[i] ?? 0) - width(cell));
  return lines.map((cells) => `${cells.map(pad).join(GAP)}\n`).join('');
}

function width(cell: string): number {
  return [...cell].length;
}
