import { basename } from 'node:path';
import type { AgentStatus } from '../control/status.ts';
import type { Member } from './member.ts';
import type { Problem } from './roster.ts';

const NOTHING_RUNS = {
  readinessPort: 0,
  pid: 0,
  epoch: 0,
  restarts: 0,
  envoy: { version: '', path: '' },
  hotRestart: false,
  controlPlane: '',
  waitingFor: [],
  lastHandOver: undefined,
  envoys: [],
  crashes: [],
} as const;

/** A member without an agent, in the words of an agent; undefined while it has one, which speaks for itself. */
export function statusOfMember(member: Member, agentPid: number): AgentStatus | undefined {
  const { entry, current, running } = member;
  if (running || (current.state !== 'failed' && current.state !== 'held')) return undefined;
  const { mesh, name, path } = entry;
  return {
    ...NOTHING_RUNS,
    ...{ mesh, name, agentPid },
    state: current.state === 'held' ? 'stopped' : 'failed',
    reason:
      current.state === 'failed'
        ? `${current.reason} (${path}; next try at ${new Date(current.retryAt).toISOString()})`
        : current.reason,
    since: new Date(member.since).toISOString(),
  };
}

/** A file that cannot be used, in the place of the proxy that nobody knows. */
export function statusOfProblem({ path, problem }: Problem, agentPid: number, since: number): AgentStatus {
  return {
    ...NOTHING_RUNS,
    mesh: '-',
    name: basename(path),
    agentPid,
    state: 'failed',
    reason: `${path} ${problem}`,
    since: new Date(since).toISOString(),
  };
}
