import { describe, expect, test } from 'vitest';
import { type Columns, formatTable } from '../../../../src/cli/output/table.ts';

const columns: Columns<readonly string[]> = { headers: ['A', 'LONGER', 'C'], row: (cells) => cells };

describe('a table', () => {
  test('pads columns to their widest cell with three spaces between, and the last one not at all', () => {
    expect(
      formatTable(
        columns,
        [
          ['wide one', 'x', 'y'],
          ['z', 'in the middle', 'end'],
        ],
        0,
      ),
    ).toBe(
      [
        'A          LONGER          C',
        'wide one   x               y',
        'z          in the middle   end',
        '',
      ].join('\n'),
    );
  });

  test('of nothing is the header', () => {
    expect(formatTable(columns, [], 0)).toBe('A   LONGER   C\n');
  });

  test('counts characters and not UTF-16 units', () => {
    expect(formatTable(columns, [['😀é', 'b', 'c']], 0)).toBe('A    LONGER   C\n😀é   b        c\n');
  });

  test('does not let a stored name move the cursor or add a line', () => {
    const [, line, end] = formatTable(columns, [['a\u001b[2J\nb', 'b', 'c']], 0).split('\n');
    expect(line).toBe('a\ufffd[2J\ufffdb   b        c');
    expect(end).toBe('');
  });

  test('holds a hundred thousand rows', () => {
    const rows = Array.from({ length: 150_000 }, () => ['a', 'b', 'c']);
    expect(formatTable(columns, rows, 0).length).toBeGreaterThan(1_000_000);
  });
});
