import { expect, test } from 'vitest';
import { chooseAgent, type FoundAgent } from '../../../../src/dp/control/agents.ts';
import { printStatusTable } from '../../../../src/dp/control/status-table.ts';

const agent = (mesh: string, name: string): FoundAgent => ({
  base: '',
  socketPath: `/run/${mesh}.${name}/agent.sock`,
  status: {
    ...{ mesh, name, state: 'ready', reason: '', since: '2030-01-01T00:00:00.000Z', agentPid: 1 },
    ...{ readinessPort: 1, pid: 7, epoch: 2, restarts: 3, envoy: { version: '1.40.0', path: '/envoy' } },
    ...{
      hotRestart: true,
      controlPlane: '',
      waitingFor: [],
      lastHandOver: undefined,
      envoys: [{ pid: 7, epoch: 2, version: '1.40.0' }],
      crashes: [],
    },
  },
});
const agents = [agent('default', 'web'), agent('other', 'web'), agent('default', 'db')];
const at = { runDir: '/run', silent: [] };
const chosen = (name: string) => chooseAgent(agents, name, at).socketPath;

test('an agent is named by its proxy, with the mesh where that is needed', () => {
  expect(chosen('db')).toBe('/run/default.db/agent.sock');
  expect(chosen('other.web')).toBe('/run/other.web/agent.sock');
  expect(chooseAgent([agents[2] as FoundAgent], '', at).status.name).toBe('db');
});

test('a name that fits several is refused, and each of them is named', () => {
  expect(() => chosen('web')).toThrow('name one of default.web, other.web');
  expect(() => chosen('')).toThrow('name one of default.web, other.web, default.db');
});

test('a name that fits none is refused with those there are', () => {
  expect(() => chosen('nobody')).toThrow('no agent for "nobody" runs in /run: there are default.web');
  expect(() => chooseAgent([], '', at)).toThrow(
    'no agent runs in /run; one with another run directory is found with --run-dir',
  );
});

test('a name with a dot that is spelled out in full wins over one that only ends so', () => {
  const dotted = [agent('a', 'b'), agent('mesh', 'a.b')];
  expect(chooseAgent(dotted, 'a.b', at).status).toMatchObject({ mesh: 'a', name: 'b' });
});

test('a refused hand-over is named for a single agent', () => {
  const lines: string[] = [];
  const lastHandOver = { at: '2030-01-01T00:00:00.000Z', cause: 'SIGHUP', ok: false, reason: 'exit code 1' };
  printStatusTable([{ ...agent('default', 'web').status, lastHandOver }], {
    ...{ print: (line) => lines.push(line), now: Date.parse('2030-01-01T00:01:30Z'), detailed: true },
  });
  expect(lines.at(-1)).toBe('last hand-over: 2030-01-01T00:00:00.000Z, SIGHUP: refused: exit code 1');
});

test('the table shows one line for each agent, and the log of the last crash for a single one', () => {
  const lines: string[] = [];
  const crash = { at: '2030-01-01T00:00:00.000Z', reason: 'exit code 1', ranMs: 1_500, log: ['last words'] };
  const { status } = agent('default', 'web');
  const old = { pid: 5, epoch: 1, version: '1.39.3' };
  printStatusTable([{ ...status, crashes: [crash], envoys: [old, ...status.envoys] }], {
    print: (line) => lines.push(line),
    now: Date.parse('2030-01-01T00:01:30Z'),
    detailed: true,
  });
  expect(lines).toEqual([
    'MESH     NAME  STATE  FOR    ENVOY   PID  EPOCH  RESTARTS  DETAIL',
    'default  web   ready  1m30s  1.40.0  7    2      3         epoch 1 (pid 5) ends',
    '',
    'last crash: 2030-01-01T00:00:00.000Z, after 1.5s: exit code 1',
    '  last words',
  ]);
});
