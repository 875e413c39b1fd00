import { expect, test } from 'vitest';
import { toPrometheusText } from '../../../../src/dp/metrics/prometheus-text.ts';

test('a family is its help, its type and its samples', () => {
  expect(
    toPrometheusText([
      {
        name: 'a_total',
        help: 'Back\\slash\nand line.',
        type: 'counter',
        samples: [{ value: 1 }, { labels: { x: '1', y: '2' }, value: 2.5 }],
      },
      { name: 'b', help: 'Nothing.', type: 'gauge', samples: [] },
    ]),
  ).toBe(
    '# HELP a_total Back\\\\slash\\nand line.\n# TYPE a_total counter\na_total 1\na_total{x="1",y="2"} 2.5\n',
  );
});
