import { createServer } from 'node:http';
import type { RunningProgram } from '../../support/processes.ts';
import { type CallResult, call } from './calls.ts';
import type { TestMesh } from './mesh.ts';

export const WEB_PORT = 15_001;
export const SERVICE_PORT = 15_101;
export const WEB_URL = `http://127.0.0.1:${WEB_PORT}/`;

/** A Dataplane `web` with an inbound for each port; all lead to the service of `startWebService`. */
export function webDataplane(...ports: readonly number[]): string {
  const inbounds = ports.map(
    (port) => `
  - port: ${port}
    servicePort: ${SERVICE_PORT}
    tags: {kuma.io/service: web-${port}, kuma.io/protocol: http}`,
  );
  return `type: Dataplane
mesh: bookinfo
name: web
networking:
  address: 127.0.0.1
  inbound:${inbounds.join('')}`;
}

/** Answers 200 to everything; the returned function ends it. */
export async function startWebService(port = SERVICE_PORT): Promise<() => Promise<void>> {
  const server = createServer((_request, response) => void response.end('ok\n'));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
}

/** What /ready of an agent says, on the port that its log names. */
export function readiness(agent: RunningProgram): Promise<CallResult> {
  return call(/http:\/\/127\.0\.0\.1:\d+\/ready/.exec(agent.output())?.[0] ?? 'http://127.0.0.1:1/');
}

export async function killControlPlane(mesh: TestMesh): Promise<void> {
  const program = mesh.programs.get('kuma-cp');
  program?.signal('SIGKILL');
  await program?.exited;
}
