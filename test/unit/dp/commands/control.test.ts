import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { main } from '../../../../src/dp/main.ts';
import { readProcessId } from '../../../../src/lib/process-id.ts';
import { startProgram, stopAll, waitUntil } from '../../../support/processes.ts';

let runDir: string;
const servers: Server[] = [];

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'dp-control-'));
});

afterEach(async () => {
  await stopAll();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(runDir, { recursive: true, force: true });
});

describe('an agent that does not answer', () => {
  test.each(['stop', 'drain', 'restart', 'detach', 'logs'])(
    'is not passed over by a %s without a name for another one that answers',
    async (command) => {
      const asked: string[] = [];
      const { pid } = startProgram('/bin/sleep', ['60']);
      await agent('default.web', () => {}, { isMute: true, pid });
      await agent('default.db', (request, response) => {
        asked.push(`${request.method} ${request.url}`);
        response.writeHead(409).end('{"ok":false,"text":"no"}');
      });
      const { code, stderr } = await kumaDp(command);
      expect(stderr).toContain(`${join(runDir, 'default.web')}`);
      expect(stderr).toContain('does not answer');
      expect(asked).toEqual([]);
      expect(code).toBe(41);
    },
  );

  test('is told apart from none, with what to do', async () => {
    await agent('default.web', () => {}, { isMute: true });
    for (const argv of [
      ['restart', 'web'],
      ['stop', 'default.web'],
      ['status', 'web'],
      ['status'],
      ['logs'],
    ]) {
      const { code, stderr } = await kumaDp(...argv);
      expect(stderr).not.toContain('no agent');
      expect(stderr).toContain(`kill -KILL ${process.pid}`);
      expect(code).toBe(41);
    }
  });

  test('does not hinder the command for another one that is named', async () => {
    await agent('default.web', () => {}, { isMute: true });
    await agent('default.db', (_request, response) => response.end('{"ok":true,"text":"epoch 1 took over"}'));
    expect(await kumaDp('restart', 'db')).toMatchObject({ code: 0 });
  });
});

describe('an agent that ends while it is asked', () => {
  test.each(['drain', 'restart', 'detach'])(
    'is told in one line, with the exit code for it, by %s',
    async (command) => {
      await agent('default.web', (request) => request.socket.destroy());
      const { code, stderr } = await kumaDp(command);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect(stderr).toContain('default.web');
      expect(stderr).toContain('kuma-dp status');
      expect(code).toBe(42);
    },
  );

  test('while it drains, too', async () => {
    let drains = false;
    const server = await agent('default.web', (_request, response) => {
      drains = true;
      response.end('{}');
    });
    const drain = kumaDp('drain');
    await waitUntil(() => drains);
    server.closeAllConnections();
    server.close();
    const { code, stderr } = await drain;
    expect(stderr).toMatch(/^kuma-dp: .*default\.web.*kuma-dp status\S*\n$/);
    expect(code).toBe(42);
  });

  test('was to be stopped, and has stopped', async () => {
    const program = startProgram('/bin/sleep', ['60']);
    await agent(
      'default.web',
      (request) => {
        request.socket.destroy();
        program.signal('SIGKILL');
      },
      { pid: program.pid },
    );
    expect(await kumaDp('stop')).toMatchObject({ code: 0, stdout: 'default.web: stopped\n' });
  });
});

test('an agent whose process cannot be seen, as in a container, is stopped when its socket is gone', async () => {
  const server = await agent(
    'default.web',
    (_request, response) => {
      response.end('{}');
      server.close();
    },
    { pid: 999_999_999 },
  );
  expect(await kumaDp('stop', '--timeout', '15s')).toMatchObject({ code: 0 });
});

test.each(['stop', 'drain'])('a %s that is refused is not told as done, nor waited for', async (command) => {
  await agent('default.web', (_request, response) =>
    response.writeHead(404).end('{"ok":false,"text":"no proxy web is to run here"}'),
  );
  const { code, stderr } = await kumaDp(command, '--timeout', '5s');
  expect(stderr).toMatch(/^kuma-dp: not (stopped|drained): no proxy web is to run here\n$/);
  expect(code).toBe(42);
});

test('an agent that does not restart in the time given goes on, and that is no defect', async () => {
  await agent('default.web', () => {});
  const { code, stderr } = await kumaDp('restart', '--timeout', '200ms');
  expect(stderr).toBe('kuma-dp: not restarted after 200ms; it goes on\n');
  expect(code).toBe(42);
});

test('a proxy whose agent is slow to tell how it is drains on', async () => {
  let asked = 0;
  await agent('default.web', (_request, response) => response.end('{}'), {
    status: (status, response) => {
      asked++;
      if (asked !== 2) response.end(JSON.stringify({ ...status, state: asked > 2 ? 'drained' : 'ready' }));
    },
  });
  expect(await kumaDp('drain')).toMatchObject({ code: 0, stderr: '' });
});

interface AgentFacts {
  /** It takes connections and says nothing on any. */
  readonly isMute?: boolean;
  readonly pid?: number;
  /** Answers `GET /status`. */
  readonly status?: (status: object, response: ServerResponse) => void;
}

/** A socket in the directory of a proxy, held by this process, or another that lives. */
async function agent(instance: string, answer: RequestListener, facts: AgentFacts = {}): Promise<Server> {
  const { isMute = false, pid = process.pid, status = tell } = facts;
  const dir = join(runDir, instance);
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, 'agent.json'), JSON.stringify(readProcessId(pid) ?? { pid, startTicks: 1 }));
  const [mesh, name] = instance.split('.');
  const server = createServer((request, response) => {
    if (isMute) request.socket.destroy();
    else if (request.url === '/status')
      status({ mesh, name, state: 'ready', reason: '', agentPid: pid }, response);
    else answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(join(dir, 'agent.sock'), resolve));
  return server;
}

function tell(status: object, response: ServerResponse): void {
  response.end(JSON.stringify(status));
}

test.each(['RUN_DIR', 'WORK_DIR', 'CONFIG_DIR'])(
  'the run directory may be in the variable …%s, as for run',
  async (name) => {
    await agent('default.web', (_request, response) => response.end('READY\n'));
    const env = { [`KUMA_DATAPLANE_RUNTIME_${name}`]: runDir };
    for (const argv of [['status', '-o', 'json'], ['logs'], ['wait', '--timeout', '15s']])
      expect(await run(argv, env), argv[0]).toMatchObject({ code: 0, stderr: '' });
  },
);

function kumaDp(...argv: string[]): ReturnType<typeof run> {
  return run([...argv, '--run-dir', runDir]);
}

async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main({
    ...{ argv, env },
    signals: new EventEmitter(),
    ...{ stdin: new PassThrough(), stdout, stderr },
  });
  stdout.end();
  stderr.end();
  return { code, stdout: await text(stdout), stderr: await text(stderr) };
}
