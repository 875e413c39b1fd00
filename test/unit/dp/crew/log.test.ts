import { expect, test } from 'vitest';
import { nameLine, openMemberLog } from '../../../../src/dp/crew/log.ts';

test('lines of Envoy say which proxy they are of, in both formats', () => {
  expect(nameLine('envoy [info] started\n', 'm.a')).toBe('envoy m.a [info] started\n');
  const json = nameLine('{"level":"info","message":"x"}\n', 'm."a');
  expect(json.endsWith('}\n')).toBe(true);
  expect(JSON.parse(json)).toEqual({ proxy: 'm."a', level: 'info', message: 'x' });
  expect(nameLine('something else\n', 'm.a')).toBe('something else\n');
});

test('each proxy keeps the lines of its agent and its Envoy, and all of them go to the one log', () => {
  const all: string[] = [];
  const shared = { write: (line: string) => void all.push(line), flush: async () => {} };
  const a = openMemberLog('m.a', { level: 'info', format: 'json' }, shared);
  const b = openMemberLog('m.b', { level: 'info', format: 'json' }, shared);
  a.logger.info({ pid: 1 }, 'started');
  b.sink.write('{"level":"info"}\n');
  expect(all).toHaveLength(2);
  expect(a.logs.last(9)).toEqual([all[0]]);
  expect(JSON.parse(all[0] ?? '')).toMatchObject({ proxy: 'm.a', pid: 1, message: 'started' });
  expect(b.logs.last(9)).toEqual(['{"proxy":"m.b","level":"info"}\n']);
});
