import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, until, untilReady } from '../dp/support/agent.ts';
import { type Answer, bootstrapWith, startControlPlane } from '../dp/support/control-plane.ts';

let bench: Bench;
let cp: Awaited<ReturnType<typeof startControlPlane>>;
let application: Server;
let status = 200;

beforeEach(async () => {
  bench = new Bench();
  cp = await startControlPlane();
  status = 200;
  application = createServer((_request, response) => void response.writeHead(status).end());
  await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await bench.dispose();
  await cp.close();
  application.closeAllConnections();
  await new Promise((resolve) => application.close(resolve));
});

const reports = () => cp.calls.filter((c) => c.path === '/health').map((c) => c.body);

function start(extra: readonly string[] = []) {
  const { port } = application.address() as AddressInfo;
  const envoy = bench.fakeEnvoy();
  const check = `http://127.0.0.1:${port}/`;
  const args = [
    '--binary-path',
    envoy.path,
    '--app-health',
    check,
    '--app-health-interval',
    '50ms',
    ...extra,
  ];
  // One that Envoy was slow to answer is said again.
  const posts = () =>
    envoy
      .log()
      .filter((l) => l.startsWith('POST /healthcheck'))
      .filter((line, i, all) => line !== all[i - 1]);
  return { agent: bench.run(cp.url, { args }), posts };
}

test('a control plane that takes no reports sees the application through the health of Envoy, which a drain then keeps', async () => {
  const { agent, posts } = start();
  await untilReady(agent);
  expect(posts()).toEqual([]);
  status = 500;
  await until(() => posts().length === 1, agent.output);
  await until(
    async () => /^APPLICATION NOT HEALTHY: .* answers 500/.test((await agent.ready()).body),
    agent.output,
  );
  status = 200;
  await until(() => posts().length === 2, agent.output);
  await untilReady(agent);
  status = 500;
  await until(() => posts().length === 3, agent.output);
  status = 200;
  agent.child.kill('SIGTERM');
  expect(await agent.exited).toBe(0);
  expect(posts().at(-1)).toBe('POST /healthcheck/fail');
});

test('a control plane that takes reports is told with who it is and why, and Envoy stays as it is', async () => {
  const taking: Answer = (call, response) =>
    call.path === '/health' ? void response.writeHead(204).end() : bootstrapWith()(call, response);
  cp.answerWith(taking);
  status = 503;
  const { agent, posts } = start();
  await until(() => reports().some((r) => String(r.reason).includes('503')), agent.output);
  expect(reports().at(-1)).toMatchObject({ mesh: 'default', name: 'a', healthy: false });
  await until(async () => (await agent.ready()).body.startsWith('APPLICATION NOT READY'), agent.output);
  status = 200;
  await untilReady(agent);
  await until(() => reports().at(-1)?.healthy === true, agent.output);
  expect(posts()).toEqual([]);
});
