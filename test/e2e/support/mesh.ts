import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clonePath, type RunningProgram, stopAll, waitUntil } from '../../support/processes.ts';
import { removeSharedMemoryOf } from '../../support/shared-memory.ts';
import { type Instance, serviceCommand } from './bookinfo.ts';
import { openShell, type Shell } from './shell.ts';

/** A control plane, services and proxies of one test, all on loopback and in one HOME that goes with it. */
export interface TestMesh {
  readonly shell: Shell;
  readonly home: string;
  /** Services, proxies and the control plane (`kuma-cp`) by name. */
  readonly programs: Map<string, RunningProgram>;
  startControlPlane(env?: Record<string, string>): Promise<RunningProgram>;
  /** Waits until it answers 200 directly. */
  startService(instance: Instance, env?: Record<string, string>): Promise<RunningProgram>;
  /** Waits until the agent says it is ready. */
  startProxy(name: string, args?: string, env?: Record<string, string>): Promise<RunningProgram>;
  /** Pipes a document into `kumactl apply`; stdout and stderr of a success. */
  apply(yaml: string): Promise<{ stdout: string; stderr: string }>;
  /** Rows of `kumactl inspect dataplanes` as `name → status`. */
  statuses(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
}

export const MESH = 'bookinfo';
/** The line of an agent that became ready; others say who is not ready yet. */
export const READY = / kuma-dp ready mesh=/;

export async function createTestMesh(): Promise<TestMesh> {
  const home = await mkdtemp(join(tmpdir(), 'mesh-'));
  const env = { IP: '127.0.0.1', KUMA_CONTROL_PLANE_URL: 'http://127.0.0.1:5682', KUMA_DATAPLANE_MESH: MESH };
  const shell = openShell({ home, cwd: clonePath('examples', 'bookinfo'), env });
  const programs = new Map<string, RunningProgram>();
  const answers = async (url: string) => (await shell.run(`curl -sf --max-time 5 ${url}`)).code === 0;
  return {
    shell,
    home,
    programs,
    async startControlPlane(extra) {
      const program = shell.start('kuma-cp run', extra);
      programs.set('kuma-cp', program);
      await waitUntil(() => answers('http://localhost:5680/ready'), {
        describe: () => `kuma-cp to be ready:\n${program.output()}`,
      });
      return program;
    },
    async startService(instance, extra) {
      const program = shell.start(serviceCommand(instance, extra));
      programs.set(`service ${instance.name}`, program);
      await waitUntil(() => answers(`http://127.0.0.1:${instance.port}/health`), {
        describe: () => `service ${instance.name}:\n${program.output()}`,
      });
      return program;
    },
    async startProxy(name, args = '', extra = {}) {
      const program = shell.start(`kuma-dp run ${args}`, { KUMA_DATAPLANE_NAME: name, ...extra });
      programs.set(name, program);
      await program.waitForLine(READY);
      return program;
    },
    async apply(yaml) {
      const { code, stdout, stderr } = await shell.run(`kumactl apply -f - <<'DOCUMENT'\n${yaml}\nDOCUMENT`);
      if (code !== 0) throw new Error(`apply exited ${code}:\n${yaml}\n${stdout}${stderr}`);
      return { stdout, stderr };
    },
    async statuses() {
      const overview = await shell.ok(`curl -sf http://localhost:5681/meshes/${MESH}/dataplanes`);
      const names = (JSON.parse(overview) as { items: { name: string }[] }).items.map((item) => item.name);
      const table = await shell.ok(`kumactl inspect dataplanes -m ${MESH}`);
      const statusOf = (name: string) =>
        /\b(Online|Offline|Partially degraded)\b/.exec(
          table.split('\n').find((l) => l.split(/\s+/)[1] === name) ?? '',
        )?.[1] ?? '';
      return new Map(names.map((name) => [name, statusOf(name)]));
    },
    async close() {
      await stopAll();
      removeSharedMemoryOf(home);
      await rm(home, { recursive: true, force: true });
    },
  };
}
