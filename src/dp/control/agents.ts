import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describeError } from '../../lib/coded-error.ts';
import { type Exchange, exchange } from '../../lib/http-exchange.ts';
import { AgentError } from '../agent-error.ts';
import { findHolder } from '../run-dir/instance.ts';
import { describeNobody } from '../run-dir/nobody.ts';
import type { AgentStatus } from './status.ts';
import { findUnattended, statusOfUnattended, stopCommand, type Unattended } from './unattended.ts';

/** An agent of this host that answered. */
export interface FoundAgent {
  readonly socketPath: string;
  /** Before its paths on that socket; '' on a socket of its own. */
  readonly base: string;
  readonly status: AgentStatus;
}

/** Nobody can be asked on a socket: both are ''. */
export function toFound(unattended: Unattended): FoundAgent {
  return { socketPath: '', base: '', status: statusOfUnattended(unattended) };
}

/** Where the socket of several proxies speaks for one that has no agent at the moment. */
export const CREW_PROXIES = '/proxies/';

const STATUS_TIMEOUT_MS = 3_000;

export interface FoundAgents {
  readonly agents: readonly FoundAgent[];
  readonly silent: readonly SilentAgent[];
}

/** A private directory with a socket on which nobody answers. */
export interface SilentAgent {
  readonly dir: string;
  /** Its agent, where that lives; else it was killed. */
  readonly pid: number | undefined;
  /** Why there is no answer. */
  readonly fault: string;
}

/** All agents below a run directory, those that answer by mesh and name. */
export async function findAgents(runDir: string): Promise<FoundAgents> {
  const agents: FoundAgent[] = [];
  const silent: SilentAgent[] = [];
  await Promise.all(
    listSockets(runDir).map(async (socketPath) => {
      try {
        agents.push(...(await readStatuses(socketPath)));
      } catch (error) {
        // It ended meanwhile.
        if (!existsSync(socketPath)) return;
        const dir = dirname(socketPath);
        silent.push({ dir, pid: findHolder(dir), fault: describeError(error) });
      }
    }),
  );
  const key = ({ status }: FoundAgent) => `${status.mesh}.${status.name}`;
  // What an agent says of itself is more than what the process of several says of it.
  const own = new Set(
    agents.filter(({ base }) => base === '').map((one) => `${key(one)} ${one.status.agentPid}`),
  );
  const distinct = agents.filter((one) => one.base === '' || !own.has(`${key(one)} ${one.status.agentPid}`));
  // A process that answers elsewhere does not hang: that one of its agents has just begun or ended.
  const answers = new Set(agents.map(({ status }) => status.agentPid));
  return {
    agents: distinct.sort((a, b) => (key(a) < key(b) ? -1 : 1)),
    silent: silent.filter(({ pid }) => pid === undefined || !answers.has(pid)),
  };
}

/** Whether a name may mean this proxy: `name`, `mesh.name`, or '' for whichever. */
function isMeant({ mesh, name }: Pick<AgentStatus, 'mesh' | 'name'>, wanted: string): boolean {
  return ['', name, `${mesh}.${name}`].includes(wanted);
}

export interface ChooseOptions {
  readonly runDir: string;
  /** One of them that lives may be meant. */
  readonly silent: readonly SilentAgent[];
}

/** The one agent that a name means: `name`, `mesh.name`, or '' where only one runs. Throws AgentError otherwise. */
export function chooseAgent(
  agents: readonly FoundAgent[],
  name: string,
  { runDir, silent }: ChooseOptions,
): FoundAgent {
  const full = ({ status }: FoundAgent) => `${status.mesh}.${status.name}`;
  const fitting = agents.filter(({ status }) => isMeant(status, name));
  // A name may hold a dot: what is spelled out in full wins.
  const exact = fitting.filter((a) => full(a) === name);
  const several = exact.length === 1 ? exact : fitting;
  const mute = silent.filter(
    ({ dir, pid }) => pid !== undefined && mayBeMeant(basename(dir), name, fitting.length > 0),
  );
  if (mute.length > 0 && exact.length !== 1)
    throw new AgentError('agent-not-found', describeMute(mute, fitting.map(full)));
  // An agent that runs is meant, rather than one that cannot start because of it.
  const running = several.filter(({ base }) => base === '');
  const chosen = running.length === 1 ? running : several;
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return only;
  const wanted = name === '' ? 'agent' : `agent for "${name}"`;
  const left = findUnattended(runDir).map(statusOfUnattended);
  const kept = left.find((status) => isMeant(status, name));
  if (only === undefined && kept !== undefined)
    throw new AgentError(
      'agent-not-found',
      `no ${wanted} runs in ${runDir}, but Envoy ${kept.pid} of ${kept.mesh}.${kept.name}, which was kept, serves on; start its agent again, or: ${stopCommand(runDir, kept)}`,
    );
  if (only === undefined)
    throw new AgentError('agent-not-found', describeNobody(runDir, name, agents.map(full)));
  throw new AgentError(
    'agent-not-found',
    `more than one ${wanted} runs in ${runDir}: name one of ${chosen.map(full).join(', ')}`,
  );
}

/** By the name of its directory, which holds no name where that is long or that of several proxies. */
function mayBeMeant(instance: string, name: string, others: boolean): boolean {
  if (name === '' || instance === name || instance.endsWith(`.${name}`)) return true;
  return !others && (instance.includes('~') || instance.startsWith('_crew.'));
}

function describeMute(mute: readonly SilentAgent[], others: readonly string[]): string {
  const dirs = mute.map(({ dir }) => dir).join(' and in ');
  const pids = [...new Set(mute.map(({ pid }) => pid))].join(' ');
  const instead = others.length === 0 ? '' : `; of those that do, name one in full: ${others.join(', ')}`;
  return `the agent in ${dirs} does not answer, and may be meant: try again, or where it hangs: kill -KILL ${pids}, and start it again${instead}`;
}

/** One on the socket of an agent; on that of several proxies all of them. */
async function readStatuses(socketPath: string): Promise<readonly FoundAgent[]> {
  const answer: AgentStatus | readonly AgentStatus[] = await readStatus(socketPath);
  if (!Array.isArray(answer)) return [{ socketPath, base: '', status: answer as AgentStatus }];
  return (answer as readonly AgentStatus[]).map((status) => ({
    socketPath,
    base: `${CREW_PROXIES}${encodeURIComponent(`${status.mesh}.${status.name}`)}`,
    status,
  }));
}

export async function readStatus(socketPath: string): Promise<AgentStatus> {
  const { status, body } = await ask(socketPath, 'GET', '/status', STATUS_TIMEOUT_MS);
  if (status !== 200) throw new Error(`status ${status}`);
  return JSON.parse(body) as AgentStatus;
}

export function ask(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  timeoutMs: number,
): Promise<Exchange> {
  return exchange({ url: new URL(path, 'http://localhost'), socketPath, method, timeoutMs });
}

function listSockets(runDir: string): readonly string[] {
  try {
    const left = new Set(findUnattended(runDir).map(({ dir }) => dir));
    return readdirSync(runDir)
      .map((instance) => join(runDir, instance))
      .filter((dir) => !left.has(dir))
      .map((dir) => join(dir, 'agent.sock'))
      .filter(existsSync);
  } catch {
    return [];
  }
}
