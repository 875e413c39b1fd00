import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../../lib/coded-error.ts';
import { exchange } from '../../lib/http-exchange.ts';
import { peekDirectory } from '../../lib/peek.ts';
import { instanceName } from '../run-dir/paths.ts';

/** Where to ask whether a proxy is ready. */
export interface Target {
  readonly label: string;
  readonly url: URL;
  readonly socketPath?: string;
}

/** '' leaves a part open. */
export interface TargetChoice {
  readonly url: string;
  readonly unixSocket: string;
  readonly mesh: string;
  readonly name: string;
  readonly runDir: string;
}

export interface TargetResult {
  readonly target: Target;
  readonly ready: boolean;
  /** What it answered. */
  readonly text: string;
}

const READY = new URL('http://localhost/ready');

/** Looked up anew for each check: agents may start while one waits. */
export function findTargets({ url, unixSocket, mesh, name, runDir }: TargetChoice): readonly Target[] {
  if (url !== '') return [{ label: url, url: new URL(url) }];
  if (unixSocket !== '') return [{ label: unixSocket, url: READY, socketPath: unixSocket }];
  return peekDirectory(runDir)
    .filter((instance) => isWanted(instance, mesh, name))
    .map((instance) => ({
      label: labelOf(instance),
      url: READY,
      socketPath: join(runDir, instance, 'agent.sock'),
    }))
    .filter(({ socketPath }) => existsSync(socketPath));
}

export function checkTargets(
  targets: readonly Target[],
  timeoutMs: number,
): Promise<readonly TargetResult[]> {
  return Promise.all(
    targets.map(async (target) => {
      const { url, socketPath } = target;
      try {
        const { status, body } = await exchange({
          url,
          timeoutMs,
          maxBytes: 64 * 1024,
          ...(socketPath === undefined ? {} : { socketPath }),
        });
        return { target, ready: status === 200, text: body.trim().split('\n')[0] || `status ${status}` };
      } catch (error) {
        return { target, ready: false, text: describeError(error) };
      }
    }),
  );
}

/** The directory of an agent of several proxies answers for those that do not run, too. */
function labelOf(instance: string): string {
  const [, pid] = /^_crew\.(\d+)$/.exec(instance) ?? [];
  return pid === undefined ? instance : `agent of several proxies (pid ${pid})`;
}

/** `name` may be `mesh.name`, too; without a mesh it is that of any. */
function isWanted(instance: string, mesh: string, name: string): boolean {
  if (name === '') return mesh === '' || instance.startsWith(`${mesh}.`);
  if (mesh !== '') return instance === instanceName(mesh, name);
  const isOf = (start: string, rest: string) => start !== '' && instance === instanceName(start, rest);
  // The name of the directory begins with the mesh, and where it is digested, the dot after it is a dash.
  const inAny = splits(instance, /[.-]/g).some(([start]) => isOf(start, name));
  return inAny || splits(name, /\./g).some(([start, rest]) => isOf(start, rest));
}

function splits(text: string, separator: RegExp): readonly (readonly [string, string])[] {
  return [...text.matchAll(separator)].map(({ index }) => [text.slice(0, index), text.slice(index + 1)]);
}
