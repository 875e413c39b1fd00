import { afterEach } from 'vitest';
import { type RunningServer, type Service, serve } from '../../../../examples/bookinfo/src/http-server.ts';

const servers: RunningServer[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(0)));
});

/** Serves on a free loopback port until the test ends; returns the port. */
export async function serving(service: Service): Promise<number> {
  const server = await serve(service, { port: 0, bind: '127.0.0.1' });
  servers.push(server);
  return server.port;
}

export interface Got {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export async function fetchFrom(port: number, path: string, init: RequestInit = {}): Promise<Got> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init });
  return { status: response.status, text: await response.text(), headers: response.headers };
}
