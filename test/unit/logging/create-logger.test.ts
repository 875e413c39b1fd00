import { expect, test } from 'vitest';
import { createLogger } from '../../../src/logging/create-logger.ts';

function lines(format: 'text' | 'json') {
  const written: string[] = [];
  return {
    written,
    logger: createLogger('kuma-cp', { level: 'info', format, write: (l) => written.push(l) }),
  };
}

test.each(['text', 'json'] as const)(
  'what a stranger writes into a message or a fact begins no line and steers no terminal (%s)',
  (format) => {
    const { written, logger } = lines(format);
    const evil = 'a\n2030-01-01T00:00:00Z INFO  kuma-cp all is well\r\u001b[2J\u0085\u2028';
    logger.warn({ node: evil, plain: 'm.a' }, `stream of ${evil} refused`);
    expect(written).toHaveLength(1);
    const [line = ''] = written;
    expect(line.endsWith('\n')).toBe(true);
    // JSON leaves C1 controls and line separators as they are; its readers take a line by its newline.
    const forbidden = format === 'text' ? /[\p{Cc}\p{Zl}\p{Zp}]/u : /[\n\r]/;
    expect(line.slice(0, -1)).not.toMatch(forbidden);
  },
);

test('facts that are plain are written without quotes', () => {
  const { written, logger } = lines('text');
  logger.info({ mesh: 'default', name: 'two words', n: 1 }, 'proxy connected');
  expect(written[0]).toMatch(/INFO {2}kuma-cp proxy connected mesh=default name="two words" n=1\n$/);
});
