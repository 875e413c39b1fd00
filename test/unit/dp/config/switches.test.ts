import { Command } from 'commander';
import { expect, test } from 'vitest';
import { bindSwitches } from '../../../../src/dp/config/switches.ts';

const logs = new Command('logs').option('-f, --follow [true|false]').option('-n, --lines <n>');
const run = new Command('run').option('--keep-envoy [true|false]').option('--dns-enabled [value]');
const bind = (line: string) => bindSwitches(line.split(' '), [logs, run]).join(' ');

test('the word after a switch is not its value', () => {
  expect(bind('logs -f web')).toBe('logs --follow=true web');
  expect(bind('logs --follow web')).toBe('logs --follow=true web');
  expect(bind('logs web -f')).toBe('logs web --follow=true');
});

test('a switch may be joined with a flag that has a value', () => {
  expect(bind('logs -fn 1 web')).toBe('logs --follow=true -n 1 web');
});

test('true and false after a switch are, and so is what is joined to it', () => {
  for (const line of ['run --keep-envoy false -d x', 'run --keep-envoy=false', 'run --dns-enabled x'])
    expect(bind(line)).toBe(line);
});

test('the words of an application are left alone', () => {
  expect(bind('run --keep-envoy -- tail -f web')).toBe('run --keep-envoy=true -- tail -f web');
});
