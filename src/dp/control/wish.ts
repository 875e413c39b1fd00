import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../../lib/coded-error.ts';
import { formatDuration } from '../../lib/duration.ts';
import type { Exchange } from '../../lib/http-exchange.ts';
import { isJsonObject } from '../../lib/json.ts';
import { readProcessId } from '../../lib/process-id.ts';
import { AgentError } from '../agent-error.ts';
import { ask, type FoundAgent, readStatus } from './agents.ts';

/** What a command wants of an agent. */
export interface Wish {
  readonly path: string;
  /** What is then done, for people: `restarted`. */
  readonly done: string;
  readonly timeoutMs: number;
}

/** Sends it to where this agent speaks; throws AgentError when there is no answer. */
export async function wish(
  agent: Pick<FoundAgent, 'socketPath' | 'status'>,
  { path, done, timeoutMs }: Wish,
): Promise<Exchange> {
  try {
    return await ask(agent.socketPath, 'POST', path, timeoutMs);
  } catch (cause) {
    throw isLate(cause) ? tooLate(done, timeoutMs) : toGone(agent.status, cause);
  }
}

/** Whether it has ended, of which asking may be what is noticed first. */
export function isGone(error: unknown): boolean {
  const { cause } = error as Error;
  return CLOSED.includes((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}

const CLOSED: readonly string[] = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'];

/** Throws AgentError when the agent ends before. An answer that takes long says nothing of either. */
export async function isDrained({ socketPath, status }: FoundAgent): Promise<boolean> {
  try {
    return (await readStatus(socketPath)).state === 'drained';
  } catch (cause) {
    if (isLate(cause)) return false;
    throw toGone(status, cause);
  }
}

/** Whether the process of an agent is over; of one that cannot be seen, as in a container, its socket tells. */
export function watchEnd({ socketPath, status }: Pick<FoundAgent, 'socketPath' | 'status'>): () => boolean {
  const before = readProcessId(status.agentPid);
  return () =>
    before === undefined
      ? !existsSync(socketPath)
      : readProcessId(before.pid)?.startTicks !== before.startTicks;
}

/** Throws AgentError when that takes too long. */
export async function until(
  timeoutMs: number,
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw tooLate(what, timeoutMs);
    await delay(50);
  }
}

/** Throws AgentError for an answer that is a refusal. */
export function expectAgreed(answer: Exchange, done: string): void {
  if (answer.status >= 400) throw new AgentError('command-failed', `not ${done}: ${textOf(answer)}`);
}

/** What the agent says in its answer, for people. */
export function textOf({ body }: Exchange): string {
  try {
    const outcome: unknown = JSON.parse(body);
    return isJsonObject(outcome) ? String(outcome.text) : body;
  } catch {
    return body.trim();
  }
}

function isLate(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ETIMEDOUT';
}

function tooLate(what: string, timeoutMs: number): AgentError {
  return new AgentError('command-failed', `not ${what} after ${formatDuration(timeoutMs)}; it goes on`);
}

function toGone({ mesh, name, agentPid }: FoundAgent['status'], cause: unknown): AgentError {
  const what = `agent ${agentPid} of ${mesh}.${name} went away while it was asked (${describeError(cause)})`;
  return new AgentError('command-failed', `${what}; what there is now: kuma-dp status`, { cause });
}
