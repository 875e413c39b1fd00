import { expect, test } from 'vitest';
import { explainStatus } from '../../../../src/dp/bootstrap/failure.ts';

const url = new URL('http://cp.example:8080');
const explain = (status: number, body: string) => explainStatus({ status, body, headers: {} }, url).message;

test('the web page of another program is not poured into the log', () => {
  const page =
    '<!DOCTYPE HTML>\n<html><head><title>Error</title></head><body>Unsupported method</body></html>';
  expect(explain(501, page)).toBe(
    'it answers 501 with a web page; is this kuma-cp, or another program on cp.example:8080?',
  );
});

test('what a control plane says is told in its words', () => {
  expect(explain(503, 'the store is locked')).toBe('it answers 503 the store is locked; its log says more');
});

test('another port of the control plane is told with the status once', () => {
  expect(explain(404, '404: Page Not Found')).toContain('has no bootstrap there (404 Page Not Found)');
});
