import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { allocatePorts } from '../../support/ports.ts';
import {
  builtProgram,
  envoyBinary,
  type RunningProgram,
  runProgram,
  startProgram,
  waitUntil,
} from '../../support/processes.ts';
import { type BenchControlPlane, startControlPlane } from './control-plane.ts';
import { call } from './http.ts';

/** A control plane, an HTTP service in this process, and a Dataplane for it that one agent at a time runs. */
export interface AgentBench {
  readonly cp: BenchControlPlane;
  /** Another Dataplane for the same service, stored and not yet run. */
  nextDataplane(): Promise<{ readonly name: string; readonly port: number }>;
  startAgent(name: string, ...args: readonly string[]): RunningProgram;
  /** One agent for all Dataplanes of a directory, which it brings. */
  startAgents(dir: string): RunningProgram;
  /** `kuma-dp restart`: returns when the new Envoy serves, and throws when it does not. */
  restart(name: string): Promise<void>;
  close(): Promise<void>;
}

const MESH = 'default';
const SLOW_MS = 300;

export async function startAgentBench(): Promise<AgentBench> {
  const cp = await startControlPlane();
  const service = await startService();
  const servicePort = (service.address() as { port: number }).port;
  let count = 0;
  const runDir = join(cp.home, 'run');
  const start = (...args: readonly string[]) =>
    startProgram(builtProgram('kuma-dp'), ['run', ...args], {
      cwd: cp.home,
      env: {
        HOME: cp.home,
        KUMA_CONTROL_PLANE_URL: `https://127.0.0.1:${cp.dpPort}`,
        KUMA_CONTROL_PLANE_CA_CERT_FILE: join(cp.home, 'ca.crt'),
        KUMA_DATAPLANE_RUNTIME_BINARY_PATH: envoyBinary(),
        KUMA_DATAPLANE_RUNTIME_STATE_DIR: join(cp.home, 'state'),
        KUMA_DATAPLANE_RUNTIME_RUN_DIR: runDir,
      },
    });
  return {
    cp,
    async nextDataplane() {
      const name = `agent-${++count}`;
      const [port = 0] = await allocatePorts(1);
      const tags = { 'kuma.io/service': 'bench', 'kuma.io/protocol': 'http' };
      await cp.put(`/meshes/${MESH}/dataplanes/${name}`, {
        type: 'Dataplane',
        mesh: MESH,
        name,
        networking: { address: '127.0.0.1', inbound: [{ port, servicePort, tags }] },
      });
      return { name, port };
    },
    startAgent: (name, ...args) => start('--name', name, '--mesh', MESH, ...args),
    startAgents: (dir) => start('-d', dir),
    async restart(name) {
      const env = { HOME: cp.home, KUMA_DATAPLANE_RUNTIME_RUN_DIR: runDir };
      const { code, stdout, stderr } = await runProgram(builtProgram('kuma-dp'), ['restart', name], { env });
      if (code !== 0 || !stdout.includes('took over')) throw new Error(`no hand-over: ${stdout}${stderr}`);
    },
    async close() {
      service.closeAllConnections();
      service.close();
      await cp.stop();
    },
  };
}

/** Resolves at the first 200 through the port; asked every 2 ms. Leaves no connection behind: an idle proxy has none. */
export async function served(port: number): Promise<void> {
  const end = performance.now() + 60_000;
  while (performance.now() < end) {
    const answer = await call(port, '/', { once: true }).catch(() => undefined);
    if (answer?.status === 200) return;
    await sleep(2);
  }
  throw new Error(`port ${port} did not serve within 60 s`);
}

/** False for a process that is gone or only waits to be reaped. */
export function isRunning(pid: number): boolean {
  return /\) [^ZX] /.test(readIfThere(`/proc/${pid}/stat`));
}

/** The Envoy below a process, at any depth; waits for it to appear. */
export async function envoyOf(agent: RunningProgram): Promise<number> {
  return waitUntil(() => findEnvoy(agent.pid), { describe: `an Envoy under process ${agent.pid}` });
}

function findEnvoy(ancestor: number): number | undefined {
  const processes = new Map<number, { readonly parent: number; readonly program: string }>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = /^\d+ \((.*)\) \S (\d+) /s.exec(readIfThere(`/proc/${pid}/stat`));
    if (stat !== null) processes.set(Number(pid), { program: stat[1] ?? '', parent: Number(stat[2]) });
  }
  for (const [pid, { program, parent }] of processes) {
    let above = program === 'envoy' ? parent : 0;
    while (above !== ancestor && above > 1) above = processes.get(above)?.parent ?? 0;
    if (above === ancestor) return pid;
  }
  return undefined;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process ended meanwhile.
    return '';
  }
}

async function startService(): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow'), SLOW_MS);
    else response.end('ok');
  });
  server.keepAliveTimeout = 3_600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
