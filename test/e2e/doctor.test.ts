import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestMesh, MESH, type TestMesh } from './support/mesh.ts';

let mesh: TestMesh;

beforeAll(async () => {
  mesh = await createTestMesh();
  await mesh.startControlPlane();
  await mesh.apply(`type: Mesh\nname: ${MESH}`);
});

afterAll(() => mesh.close());

const PORT = 23_101;
const DATAPLANE = `type: Dataplane
mesh: ${MESH}
name: web
networking:
  address: 127.0.0.1
  inbound:
  - {port: ${PORT}, servicePort: ${PORT + 1}, tags: {kuma.io/service: web}}
`;

const doctor = (args = '') => {
  writeFileSync(join(mesh.home, 'web.yaml'), DATAPLANE);
  return mesh.shell.run(`KUMA_DATAPLANE_MESH= kuma-dp doctor -d ${mesh.home}/web.yaml ${args}`);
};

describe('the built doctor beside a real control plane', () => {
  test('finds the control plane well over HTTP and, with its CA, over TLS', async () => {
    expect((await doctor()).stdout).toMatch(/^ok +control-plane +http:\/\/127\.0\.0\.1:5682 answers/m);
    const { stdout } = await doctor('--cp-address https://localhost:5678');
    expect(stdout).toContain('--ca-cert-file');
    const port = await doctor('--cp-address http://127.0.0.1:5681');
    expect(port.stdout).toContain('is not the bootstrap port');
    expect(port.code).toBe(2);
  });

  test('names who has the port that a proxy will want, before Envoy shares it without a word', async () => {
    const thief = mesh.shell.start(
      `node -e 'require("net").createServer().listen(${PORT}, "127.0.0.1", () => console.log("listening"))'`,
    );
    await thief.waitForLine('listening');
    const { stdout, code } = await doctor();
    expect(stdout).toContain(`the inbound port 127.0.0.1:${PORT} is taken by process ${thief.pid} (node -e`);
    expect(code).toBe(2);
    await thief.stop();
  });

  test('finds a proxy that runs to be in order, and hears when its control plane is gone', async () => {
    const agent = await mesh.startProxy('web', `-d ${mesh.home}/web.yaml`, { KUMA_DATAPLANE_MESH: '' });
    const well = await doctor();
    expect(well.stdout).toMatch(/^ok +agents +bookinfo\.web is ready/m);
    expect(well.stdout).not.toContain('is taken');
    await mesh.programs.get('kuma-cp')?.stop({ signal: 'SIGKILL' });
    await agent.waitForLine('no stream to the control plane');
    const away = await doctor();
    expect(away.stdout).toContain('nothing listens on 127.0.0.1:5682');
    expect(away.stdout).toContain('bookinfo.web has no stream to the control plane');
    expect(away.code).toBe(2);
    await agent.stop();
  });
});
