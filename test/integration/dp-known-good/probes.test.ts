import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startAppMonitor } from '../../../src/dp/app-health/monitor.ts';
import { parseAppCheck } from '../../../src/dp/app-health/parse-check.ts';
import { createProbe } from '../../../src/dp/app-health/probe.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { waitUntil } from '../../support/wait-until.ts';

const servers: Server[] = [];
let dir = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'probe-'));
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server)
      (server as unknown as { closeAllConnections(): void }).closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  rmSync(dir, { recursive: true, force: true });
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const serve = (handle: RequestListener) => listen(createHttpServer(handle));

function probe(text: string, timeoutMs = 30_000, signal = new AbortController().signal) {
  const parsed = parseAppCheck(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return createProbe(parsed.check, timeoutMs)(signal);
}

describe('an HTTP check', () => {
  test.each([
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [404, false],
    [500, false],
    [503, false],
  ])('takes status %i for %s, and follows nothing', async (status, ok) => {
    const paths: string[] = [];
    const port = await serve((request, response) => {
      paths.push(request.url ?? '');
      response.writeHead(status, { location: '/elsewhere' }).end();
    });
    const result = await probe(`http://127.0.0.1:${port}/health?x=1`);
    expect(result.ok).toBe(ok);
    if (!ok) expect(result.reason).toContain(`answers ${status}`);
    expect(paths).toEqual(['/health?x=1']);
  });

  test('says that nobody listens', async () => {
    const port = await serve(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await probe(`http://127.0.0.1:${port}/`)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('ends when the application takes the connection and says nothing', async () => {
    const port = await serve(() => {});
    expect(await probe(`http://127.0.0.1:${port}/`, 100)).toMatchObject({
      ok: false,
      reason: expect.stringContaining('within 100 ms'),
    });
  });

  test('does not wait for the end of a page, and leaves no connection', async () => {
    let open = 0;
    const server = createHttpServer((_request, response) => void response.writeHead(200).write('first part'));
    server.on('connection', (socket) => {
      open++;
      socket.on('close', () => open--);
    });
    const port = await listen(server);
    expect((await probe(`http://127.0.0.1:${port}/`)).ok).toBe(true);
    await waitUntil(() => open === 0);
  });

  test('takes what is no HTTP for ill', async () => {
    const port = await listen(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.resume().end('SSH-2.0-x\r\n');
      }),
    );
    expect((await probe(`http://127.0.0.1:${port}/`)).ok).toBe(false);
  });
});

describe('a TCP check', () => {
  test('connects, sends nothing and hangs up', async () => {
    let got = '';
    const closed = Promise.withResolvers<void>();
    const port = await listen(
      createServer((socket) => {
        socket.on('data', (chunk: Buffer) => {
          got += chunk.toString();
        });
        socket.on('error', () => {});
        socket.on('close', () => closed.resolve());
      }),
    );
    expect(await probe(`tcp://127.0.0.1:${port}`)).toEqual({ ok: true, reason: '' });
    await closed.promise;
    expect(got).toBe('');
  });

  test('says who refuses', async () => {
    const port = await listen(createServer());
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await probe(`tcp://127.0.0.1:${port}`)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(new RegExp(`127.0.0.1:${port}.*ECONNREFUSED`)),
    });
  });
});

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a command', () => {
  test('is well with exit code 0, and else says its last words', async () => {
    expect(await probe('exec:true')).toEqual({ ok: true, reason: '' });
    expect(await probe(`exec:sh -c 'echo first; echo no database >&2; exit 3'`)).toEqual({
      ok: false,
      reason: 'sh exits with 3: no database',
    });
    expect(await probe(`exec:sh -c 'kill -TERM $$'`)).toMatchObject({ reason: 'sh was killed by SIGTERM' });
    expect(await probe('exec:/no/such/program')).toMatchObject({
      reason: '/no/such/program cannot be started (ENOENT)',
    });
  });

  test('sees no shell: what would be a command in it is an argument', async () => {
    expect(await probe('exec:test ; = ;')).toEqual({ ok: true, reason: '' });
    expect(await probe(`exec:test $(touch ${dir}/a) = x`)).toMatchObject({ ok: false });
    expect(existsSync(join(dir, 'a'))).toBe(false);
  });

  test('that hangs is killed with all it started', async () => {
    // Both have it in their arguments, however far they got in the time.
    const mark = `300.${process.pid}`;
    const alive = () => readdirSync('/proc').filter((pid) => read(`/proc/${pid}/cmdline`).includes(mark));
    const running = probe(`exec:sh -c 'sleep ${mark} & wait; sleep ${mark}'`, 500);
    await waitUntil(() => alive().length > 0);
    expect(await running).toMatchObject({ ok: false, reason: expect.stringContaining('within 500 ms') });
    await waitUntil(() => alive().length === 0, { describe: () => alive().join(', ') });
  });

  test('that leaves something in the background is not waited for, and what it left is ended', async () => {
    // One that is waited for would not have ended in time.
    expect((await probe(`exec:sh -c 'sleep 300 & echo $! > ${dir}/child; exit 0'`)).ok).toBe(true);
    const pid = Number(readFileSync(join(dir, 'child'), 'utf8'));
    await waitUntil(() => !isAlive(pid));
  });

  test('that prints without end costs no memory and is ended', async () => {
    const result = await probe('exec:yes', 300);
    expect(result.ok).toBe(false);
    expect(result.reason.length).toBeLessThan(1_000);
  });

  test('goes with the agent', async () => {
    const ending = new AbortController();
    const running = probe(`exec:sh -c 'echo $$ > ${dir}/self; sleep 300'`, 60_000, ending.signal);
    await waitUntil(() => existsSync(join(dir, 'self')) && readFileSync(join(dir, 'self'), 'utf8') !== '');
    ending.abort();
    await running;
    expect(isAlive(Number(readFileSync(join(dir, 'self'), 'utf8')))).toBe(false);
  });
});

test('an application that comes up, fails for a moment, dies and comes back is seen so, and nothing runs after the end', async () => {
  let status = 503;
  const port = await serve((_request, response) => response.writeHead(status).end());
  const seen: string[] = [];
  const parsed = parseAppCheck(`http://127.0.0.1:${port}/`);
  if (!parsed.ok) throw new Error(parsed.message);
  let checks = 0;
  const ask = createProbe(parsed.check, 30_000);
  const monitor = startAppMonitor({
    probe: (signal) => {
      checks++;
      return ask(signal);
    },
    intervalMs: 20,
    unhealthyThreshold: 3,
    healthyThreshold: 1,
    clock: systemClock,
    onChange: ({ health }) => seen.push(health),
  });
  await waitUntil(() => monitor.health.reason.includes('503'));
  status = 200;
  await waitUntil(() => monitor.health.health === 'healthy');
  status = 500;
  await waitUntil(() => monitor.health.health === 'unhealthy');
  status = 200;
  await waitUntil(() => monitor.health.health === 'healthy');
  await monitor.stop();
  const before = checks;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(checks).toBe(before);
  expect(seen).toEqual(['unknown', 'healthy', 'unhealthy', 'healthy']);
});
