import { describe, expect, test } from 'vitest';
import { parseAppCheck } from '../../../../src/dp/app-health/parse-check.ts';

const check = (text: string) => {
  const parsed = parseAppCheck(text);
  return parsed.ok ? parsed.check : parsed.message;
};

describe('a check that can be made', () => {
  test.each([
    ['http://127.0.0.1:8080/health?deep=1#x', 'http://127.0.0.1:8080/health?deep=1'],
    ['http://localhost', 'http://localhost/'],
    ['http://[::1]:80/', 'http://[::1]/'],
  ])('%s', (text, href) => {
    expect(check(text)).toEqual({ kind: 'http', url: new URL(href) });
  });

  test.each([
    ['tcp://127.0.0.1:5432', '127.0.0.1', 5432],
    ['tcp://db:80', 'db', 80],
    ['tcp://[::1]:6379/', '::1', 6379],
  ])('%s', (text, host, port) => {
    expect(check(text)).toEqual({ kind: 'tcp', host, port });
  });

  test.each([
    ['exec:/bin/true', ['/bin/true']],
    ['exec: pg_isready  -q -h "my host" ', ['pg_isready', '-q', '-h', 'my host']],
    [`exec:sh -c 'test -f /tmp/x && echo "a b"'`, ['sh', '-c', 'test -f /tmp/x && echo "a b"']],
    ['exec:a\\ b "" x"y"z', ['a b', '', 'xyz']],
    ['exec:echo $HOME `id` ; rm *', ['echo', '$HOME', '`id`', ';', 'rm', '*']],
    ['exec:a "b\\"c\\\\d\\e"', ['a', 'b"c\\d\\e']],
  ])('%s', (text, command) => {
    expect(check(text)).toEqual({ kind: 'exec', command });
  });
});

describe('a check that cannot be made is refused, with a form that works', () => {
  test.each([
    ['8080', /must be http:/],
    ['https://127.0.0.1/', /must be http:/],
    ['http:/127.0.0.1', /such as http:/],
    ['http://', /such as http:/],
    ['http://u:p@127.0.0.1/', /user or a password/],
    ['tcp://127.0.0.1', /such as tcp:/],
    ['tcp://127.0.0.1:0', /such as tcp:/],
    ['tcp://127.0.0.1:70000', /such as tcp:/],
    ['tcp://127.0.0.1:80/path', /such as tcp:/],
    ['tcp://:80', /such as tcp:/],
    ['exec:', /names no command/],
    ['exec:"" x', /names no command/],
    ['exec:sh -c "oops', /quote that does not end/],
  ])('%s', (text, message) => {
    expect(check(text)).toMatch(message);
  });
});
