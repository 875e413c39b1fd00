import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clonePath, type RunningProgram, startProgram, stopAll } from '../../../support/processes.ts';
import { removeSharedMemoryOf } from '../../../support/shared-memory.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { Bench } from '../../dp/support/agent.ts';
import { startControlPlane } from '../../dp/support/control-plane.ts';

/** An agent run from source, with its outputs apart, beside a control plane that answers at once. */
export class HostBench {
  readonly #bench = new Bench();
  readonly dir = mkdtempSync(join(tmpdir(), 'dp-host-'));
  readonly runDir = join(this.dir, 'run');
  readonly cp: Awaited<ReturnType<typeof startControlPlane>>;

  constructor(cp: Awaited<ReturnType<typeof startControlPlane>>) {
    this.cp = cp;
  }

  fakeEnvoy(behaviour: object = {}) {
    return this.#bench.fakeEnvoy(behaviour);
  }

  run(
    envoy: string,
    args: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
  ): RunningProgram {
    const [program = '', ...rest] = this.command(envoy, args);
    return startProgram(program, rest, options);
  }

  /** A command for the agent of this bench. */
  control(command: string): RunningProgram {
    const words = [clonePath('src/bin/kuma-dp.ts'), command, 'a', '--run-dir', this.runDir];
    return startProgram(process.execPath, words);
  }

  command(envoy: string, args: readonly string[]): readonly string[] {
    const own = ['--cp-address', this.cp.url, '--name', 'a', '--run-dir', this.runDir];
    const state = ['--state-dir', join(this.dir, 'state'), '--binary-path', envoy];
    return [process.execPath, clonePath('src/bin/kuma-dp.ts'), 'run', ...own, ...state, ...args];
  }

  get socketPath(): string {
    return join(this.runDir, 'default.a', 'agent.sock');
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  read(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : '';
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  async untilFile(name: string, text = ''): Promise<string> {
    return waitUntil(
      () => existsSync(this.path(name)) && this.read(name).includes(text) && (this.read(name) || ' '),
      {
        describe: () => `${name} with "${text}", it has "${this.read(name)}"`,
      },
    ).then(String);
  }

  leftovers(): readonly string[] {
    return existsSync(this.runDir) ? readdirSync(this.runDir) : [];
  }

  async dispose(): Promise<void> {
    await stopAll();
    await this.#bench.dispose();
    await this.cp.close();
    removeSharedMemoryOf(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function openHostBench(): Promise<HostBench> {
  return new HostBench(await startControlPlane());
}
