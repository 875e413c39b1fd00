import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sendHttp } from '../../src/cli/client/http.ts';
import { defaultConfig } from '../../src/cli/config/config.ts';
import { saveConfigFile } from '../../src/cli/config/file.ts';
import type { CliContext, Input } from '../../src/cli/context.ts';
import { main } from '../../src/cli/main.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kumactl {
  /** Working directory and home. */
  readonly dir: string;
  readonly configFile: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** One line of words without quotes: `get meshes -o json`. */
  sh(line: string, options?: RunOptions): Promise<Ran>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunOptions {
  /** What is piped into it; a terminal when absent. */
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Wall time; the real one when absent. */
  readonly now?: string;
}

/** kumactl in this process, with a home of its own whose configuration names `url` when one is given. */
export async function createKumactl(url?: string): Promise<Kumactl> {
  const dir = await mkdtemp(join(tmpdir(), 'kumactl-'));
  const configFile = join(dir, '.kumactl', 'config');
  if (url !== undefined) {
    const controlPlanes = [{ name: 'local', coordinates: { apiServer: { url } } }];
    await saveConfigFile(configFile, { ...defaultConfig, controlPlanes });
  }
  const run = (args: readonly string[], options: RunOptions = {}) => runOnce(dir, args, options);
  return {
    dir,
    configFile,
    run,
    sh: (line, options) => run(line.split(' '), options),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}

async function runOnce(dir: string, args: readonly string[], options: RunOptions): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const { stdin, env = {}, now } = options;
  const context: CliContext = {
    env,
    homeDir: dir,
    workDir: dir,
    stdin: stdin === undefined ? terminal : input(stdin),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    now: () => (now === undefined ? Date.now() : Date.parse(now)),
    send: sendHttp,
  };
  const code = await main(args, context);
  return { code, stdout, stderr };
}

function input(text: string): Input {
  return {
    async *[Symbol.asyncIterator]() {
      yield Buffer.from(text);
    },
  };
}

const terminal: Input = {
  isTTY: true,
  [Symbol.asyncIterator]() {
    throw new Error('the test gave no stdin, and kumactl read it');
  },
};
