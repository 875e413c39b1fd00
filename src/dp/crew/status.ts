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

/** A member whose agent does not speak for itself, in the words of an agent. */
export function statusOfMember(member: Member, agentPid: number): AgentStatus {
  const { entry, current } = member;
  const { mesh, name, path } = entry;
  return {
    ...NOTHING_RUNS,
    ...{ mesh, name, agentPid },
    state: current.state === 'held' ? 'stopped' : current.state,
    reason:
      current.state === 'failed'
        ? `${current.reason} (${path}; next try at ${new Date(current.retryAt).toISOString()})`
        : 'reason' in current
          ? current.reason
          : '',
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
