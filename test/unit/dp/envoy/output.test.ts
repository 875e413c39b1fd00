import { expect, test } from 'vitest';
import { createLineSplitter, formatLine, isNoise, tellsRejection } from '../../../../src/dp/envoy/output.ts';

const now = () => new Date(0);
const at = '[2026-01-01 00:00:00.000][7][info][main] [source/server/server.cc:';

test.each([
  `${at}465] statically linked extensions:`,
  `${at}467]   envoy.filters.http: envoy.filters.http.router, envoy.x`,
  `${at}467]   network.connection.client: default`,
  `${at}544] HTTP header map info:`,
  `${at}547]   request header map: 648 bytes: :authority`,
  '{"level":"info","logger":"envoy.main","time":"t","source":"source/server/server.cc:467","message":"  envoy.x: y"}',
])('%j is left out', (line) => {
  expect(isNoise(line)).toBe(true);
  expect(formatLine(line, 'text', now)).toBeUndefined();
});

test.each([
  `${at}463] initializing epoch 0 (base id=0, hot restart version=disabled)`,
  `${at}1098] starting main dispatch loop`,
  "[2026-01-01 00:00:00.000][7][info][upstream] [source/x.cc:1] lds: add/update listener 'outbound:127.0.0.1:10505'",
  'unable to bind domain socket with base_id=0',
])('%j is passed on with a prefix', (line) => {
  expect(formatLine(line, 'text', now)).toBe(`envoy ${line}\n`);
});

test('in JSON, what Envoy prints as JSON stays and everything else is wrapped', () => {
  const json = '{"level":"info","logger":"envoy.main","time":"t","source":"a:1","message":"m"}';
  expect(formatLine(json, 'json', now)).toBe(`${json}\n`);
  expect(JSON.parse(formatLine('error "x"\u001b[0m', 'json', now) ?? '')).toEqual({
    level: 'error',
    logger: 'envoy',
    time: '1970-01-01T00:00:00.000Z',
    message: 'error "x"',
  });
});

test('lines come whole, however the chunks are cut, even inside a character', () => {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  const bytes = Buffer.from('first\nsécond\nlast');
  for (const byte of bytes) splitter.push(Buffer.from([byte]));
  expect(lines).toEqual(['first', 'sécond']);
  splitter.flush();
  expect(lines).toEqual(['first', 'sécond', 'last']);
});

test('a line without end does not grow without bound', () => {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line), 100);
  for (let i = 0; i < 50; i++) splitter.push(Buffer.from('x'.repeat(10)));
  expect(Math.max(...lines.map((l) => l.length))).toBeLessThanOrEqual(110);
});

test('lines about a refused configuration are recognised', () => {
  expect(
    tellsRejection(
      '[warning][config] gRPC config for type.googleapis.com/x rejected: Error adding/updating listener(s)',
    ),
  ).toBe(true);
  expect(tellsRejection("lds: listener 'dup' config rejected: cannot bind")).toBe(true);
  expect(tellsRejection('lds: add/update listener')).toBe(false);
});
