import { expect, test } from 'vitest';
import { mergeMetricPages } from '../../../../src/dp/metrics/merge.ts';
import { toPrometheusText } from '../../../../src/dp/metrics/prometheus-text.ts';

const page = (name: string, more: boolean) =>
  toPrometheusText([
    { name: 'up', help: 'Whether # it is.', type: 'gauge', samples: [{ labels: { name }, value: 1 }] },
    {
      name: 'up_total',
      help: 'H',
      type: 'counter',
      samples: more
        ? [
            { labels: { name }, value: 2 },
            { labels: { name, x: '# HELP' }, value: 3 },
          ]
        : [],
    },
  ]);

test('samples of one metric stand together under one head', () => {
  expect(mergeMetricPages([page('a', false), page('b', true)])).toBe(
    [
      '# HELP up Whether # it is.',
      '# TYPE up gauge',
      'up{name="a"} 1',
      'up{name="b"} 1',
      '# HELP up_total H',
      '# TYPE up_total counter',
      'up_total{name="b"} 2',
      'up_total{name="b",x="# HELP"} 3',
      '',
    ].join('\n'),
  );
  expect(mergeMetricPages([])).toBe('');
});
