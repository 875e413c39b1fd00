import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../../../src/lib/http-exchange.ts';
import { peekText } from '../../../../src/lib/peek.ts';
import { readCommandLine } from '../../../../src/lib/process-id.ts';
import { removeSharedMemoryOf } from '../../../support/shared-memory.ts';

const ROOT = join(import.meta.dirname, '../../../..');

/** Where nobody listens that is known at once: only an agent that hangs is waited for so long. */
const ANSWER_MS = 20_000;

/** A kuma-dp run from source as a process of its own. */
export interface RunningAgent {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<number | string>;
  /** Status and text of /ready on the agent's socket; status 0 when nobody answers. */
  ready(): Promise<{ status: number; body: string }>;
}

export interface FakeEnvoy {
  readonly path: string;
  readonly logPath: string;
  log(): readonly string[];
  /** The newest one ends with exit code 7. */
  crash(): void;
}

/** A scratch directory with everything an agent under test needs; `dispose` ends what still runs and checks nothing is left. */
export class Bench {
  readonly dir = mkdtempSync(join(tmpdir(), 'dp-'));
  readonly runDir = join(this.dir, 'run');
  readonly #agents: RunningAgent[] = [];

  /** An executable that plays Envoy with the given behaviour. */
  fakeEnvoy(behaviour: object = {}): FakeEnvoy {
    const log = join(this.dir, 'envoy.log');
    const path = join(this.dir, `fake-envoy-${Math.random().toString(36).slice(2)}`);
    const json = JSON.stringify({ log, ...behaviour });
    const script = join(ROOT, 'test/fixtures/fake-envoy.ts');
    writeFileSync(path, `#!/bin/sh\nFAKE_ENVOY='${json}' exec '${process.execPath}' '${script}' "$@"\n`);
    chmodSync(path, 0o755);
    const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
    const newest = () =>
      Number(/^serve (\d+)$/.exec(lines().findLast((line) => line.startsWith('serve ')) ?? '')?.[1]);
    return { path, logPath: log, log: lines, crash: () => void process.kill(newest(), 'SIGUSR2') };
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}, name = 'a'): RunningAgent {
    const child = spawn(process.execPath, [join(ROOT, 'src/bin/kuma-dp.ts'), ...args], {
      // Tools that a test puts into its directory win over those of the system.
      env: {
        PATH: `${this.dir}:${process.env.PATH ?? ''}`,
        KUMA_DATAPLANE_RUNTIME_STATE_DIR: join(this.dir, 'state'),
        KUMA_DP_CACHE: join(this.dir, 'cache'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
    const exited = new Promise<number | string>((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    const socketPath = join(this.runDir, `default.${name}`, 'agent.sock');
    const ready = () =>
      exchange({ url: new URL('http://localhost/ready'), socketPath, timeoutMs: ANSWER_MS }).catch(() => ({
        status: 0,
        body: '',
      }));
    const agent = { child, exited, ready, output: () => output };
    this.#agents.push(agent);
    return agent;
  }

  /** `kuma-dp run` for the Dataplane `name`. */
  run(
    url: string,
    options: { name?: string; args?: readonly string[]; env?: Record<string, string> } = {},
  ): RunningAgent {
    const { name = 'a', args = [], env = {} } = options;
    return this.start(
      ['run', '--cp-address', url, '--name', name, '--run-dir', this.runDir, ...args],
      env,
      name,
    );
  }

  leftovers(): readonly string[] {
    return existsSync(this.runDir) ? readdirSync(this.runDir, { recursive: true }).map(String) : [];
  }

  /** Real Envoys that serve a proxy of this bench. */
  envoys(): readonly number[] {
    return readdirSync('/proc').flatMap((pid) => {
      if (!/^\d+$/.test(pid) || !isAlive(Number(pid))) return [];
      const args = readCommandLine(Number(pid));
      const serves = args[0]?.endsWith('envoy') === true && args.some((arg) => arg.startsWith(this.runDir));
      return serves ? [Number(pid)] : [];
    });
  }

  /** Envoys, guards and tools die with their agent, but not before it: what still runs might write into the directory. */
  async #endAll(): Promise<void> {
    const left = () =>
      readdirSync('/proc')
        .map(Number)
        .filter((pid) => pid > 0 && isOf(this.dir, pid));
    const none = () => {
      const pids = left();
      for (const pid of pids) tryKill(pid);
      return pids.length === 0;
    };
    await until(none, () => `processes ${left().join(', ')} end`);
  }

  async dispose(): Promise<void> {
    for (const { child, exited } of this.#agents) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    }
    await this.#endAll();
    removeSharedMemoryOf(this.dir);
    // Whoever is just being ended may still add a file.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** Whether its environment, as that of all agents of a bench and what they start, or its arguments name something in there. */
function isOf(dir: string, pid: number): boolean {
  if (pid === process.pid || !isAlive(pid)) return false;
  return ['environ', 'cmdline'].some((file) => peekText(`/proc/${pid}/${file}`).includes(`${dir}/`));
}

/** Polls until the condition gives something; fails with the given text after the deadline. */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  text: () => string,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let late = 0; ; ) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    // Once more after the time: a stalled test process has not read yet what came meanwhile.
    if (performance.now() > deadline && late++ > 0) throw new Error(`not within ${timeoutMs} ms: ${text()}`);
    await delay(20);
  }
}

export async function untilReady(agent: RunningAgent, timeoutMs = 30_000): Promise<void> {
  await until(async () => (await agent.ready()).status === 200, agent.output, timeoutMs);
}

export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^\d+ \(.*\) [ZX]/s.test(stat);
  } catch {
    return false;
  }
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** Pid in the newest "starting" line. */
export function envoyPid(agent: RunningAgent): number {
  return Number(
    agent
      .output()
      .match(/ starting .*pid=(\d+)/g)
      ?.at(-1)
      ?.match(/pid=(\d+)/)?.[1] ?? 0,
  );
}
