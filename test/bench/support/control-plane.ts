import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtProgram, type RunningProgram, startProgram } from '../../support/processes.ts';
import { removeSharedMemoryOf } from '../../support/shared-memory.ts';
import { call } from './http.ts';

/** The built kuma-cp with an empty sqlite store of its own, on ports the kernel chose. */
export interface BenchControlPlane {
  readonly program: RunningProgram;
  readonly apiPort: number;
  /** xDS and bootstrap over TLS. */
  readonly dpPort: number;
  readonly caPem: string;
  readonly home: string;
  /** Writes a resource through the REST API; resolves when it is stored. Paths as in `/meshes/default/dataplanes/a`. */
  put(path: string, document: object): Promise<void>;
  stop(): Promise<void>;
}

const ANY_PORT = {
  KUMA_API_SERVER_HTTP_PORT: '0',
  KUMA_API_SERVER_HTTPS_PORT: '0',
  KUMA_DP_SERVER_PORT: '0',
  KUMA_DIAGNOSTICS_SERVER_PORT: '0',
};

/** Work directories of control planes that run now. */
const homes = new Set<string>();

/** For a benchmark that is cut short: after its programs ended, nothing of theirs stays behind. */
export function removeHomes(): void {
  for (const home of homes) {
    // Those of agents that ran beside it, with their run directories in the same place.
    removeSharedMemoryOf(home);
    rmSync(home, { recursive: true, force: true });
  }
  homes.clear();
}

/** `command` starts something else than the built program, with other flags for instance. */
export async function startControlPlane(command = builtProgram('kuma-cp')): Promise<BenchControlPlane> {
  const home = await mkdtemp(join(tmpdir(), 'kuma-bench-'));
  homes.add(home);
  const env = { ...ANY_PORT, HOME: home, KUMA_GENERAL_WORK_DIR: home };
  const program = startProgram(command, ['run', '--log-format', 'json'], { env, cwd: home });
  const line = await program.waitForLine('control plane is ready');
  const ports = JSON.parse(line) as { http: number; dpServer: number };
  return {
    program,
    apiPort: ports.http,
    dpPort: ports.dpServer,
    caPem: await readFile(join(home, 'ca.crt'), 'utf8'),
    home,
    async put(path, document) {
      const { status, body } = await call(ports.http, path, {
        method: 'PUT',
        body: JSON.stringify(document),
      });
      if (status !== 200 && status !== 201) throw new Error(`PUT ${path} was answered ${status}: ${body}`);
    },
    async stop() {
      await program.stop();
      // Of agents that ran beside it, with their run directories in the same place.
      removeSharedMemoryOf(home);
      await rm(home, { recursive: true, force: true });
      homes.delete(home);
    },
  };
}
