import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningProgram, survivors, waitUntil } from '../support/processes.ts';
import { call } from './support/calls.ts';
import { createTestMesh, MESH, type TestMesh } from './support/mesh.ts';

let mesh: TestMesh;

beforeAll(async () => {
  mesh = await createTestMesh();
  await mesh.startControlPlane();
  await mesh.apply(`type: Mesh\nname: ${MESH}`);
});

afterAll(() => mesh.close());

const BACK = 23_001;
const FRONT_INBOUND = 23_010;
const OUTBOUND = 23_002;

/** A Dataplane as a file; the service listens beside the port of Envoy. */
const dataplane = (name: string, port: number, outbound = '') =>
  `type: Dataplane
mesh: ${MESH}
name: ${name}
networking:
  address: 127.0.0.1
  inbound:
  - {port: ${port}, servicePort: ${port + 1000}, tags: {kuma.io/service: ${name}, kuma.io/protocol: http}}
${outbound}`;

function run(
  name: string,
  port: number,
  command: string,
  { outbound, flags = '' }: { readonly flags?: string; readonly outbound?: string } = {},
): RunningProgram {
  const path = join(mesh.home, `${name}.yaml`);
  writeFileSync(path, dataplane(name, port, outbound));
  return mesh.shell.start(`kuma-dp run -d ${path} ${flags} -- ${command}`, {
    KUMA_DATAPLANE_MESH: '',
    KUMA_DATAPLANE_NAME: '',
  });
}

const SERVER = `node -e 'require("http").createServer((q, r) => r.end("pong\\n")).listen(${BACK + 1000}, "127.0.0.1")'`;

describe('a service that is started by its agent', () => {
  test('finds its outbounds there with its very first call, and can call out until its own end', async () => {
    const back = run('back', BACK, SERVER);
    await waitUntil(async () => (await call(`http://127.0.0.1:${BACK}/`)).outcome === 200);
    const outbound = `  outbound:\n  - {port: ${OUTBOUND}, tags: {kuma.io/service: back}}\n`;
    const curl = `curl -s -m 30 http://127.0.0.1:${OUTBOUND}/ || echo failed`;
    const front = run(
      'front',
      FRONT_INBOUND,
      `sh -c 'trap "${curl}; exit 0" TERM; ${curl}; while :; do sleep 0.05; done'`,
      {
        outbound,
      },
    );
    await front.waitForLine('pong');
    expect((await front.stop()).code).toBe(0);
    expect(front.stdout()).toBe('pong\npong\n');
    expect((await back.stop()).code).toBe(143);
  });

  test('takes its proxy out of the mesh when it ends by itself', async () => {
    const agent = run('job', BACK, `sh -c 'sleep 1; exit 9'`);
    await agent.waitForLine('application started');
    expect((await agent.exited).code).toBe(9);
    await waitUntil(async () => !(await mesh.statuses()).has('job'));
  });

  test('is told when its agent is killed, and neither it nor Envoy stays', async () => {
    const before = survivors().length;
    const agent = run('killed', BACK, SERVER);
    await agent.waitForLine('application started');
    expect(survivors().length).toBeGreaterThan(before + 1);
    agent.signal('SIGKILL');
    await agent.exited;
    await waitUntil(() => survivors().length === before);
  });
});
