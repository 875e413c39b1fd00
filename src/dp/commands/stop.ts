import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../../lib/clock.ts';
import { listenForStop } from '../../lib/stop-signals.ts';
import { STOP_SETTINGS } from '../config/control-settings.ts';
import { addFlags } from '../config/flags.ts';
import { chooseAgent, type FoundAgent, findAgents, toFound } from '../control/agents.ts';
import type { AgentStatus } from '../control/status.ts';
import { findUnattended, type Unattended } from '../control/unattended.ts';
import { expectAgreed, isGone, until, watchEnd, wish } from '../control/wish.ts';
import type { CommandContext } from '../program.ts';
import { crewPaths } from '../run-dir/paths.ts';
import { NAME, readSettings } from './control.ts';

/** `kuma-dp stop [NAME]`: ends a proxy by its agent, or in the place of one that left its Envoy behind. */
export function addStopCommand(root: Command, context: CommandContext): void {
  const command = root
    .command('stop')
    .description(
      'Drain, then end Envoy and the agent, as SIGTERM does. An Envoy that was kept and has no agent is drained and ended, too.',
    )
    .argument('[name]', NAME);
  addFlags(command, STOP_SETTINGS);
  command.action(async (name = '') => {
    const { values, runDir } = readSettings(command, STOP_SETTINGS, context);
    const { agents, silent } = await findAgents(runDir);
    const left = findUnattended(runDir);
    // Without a name nothing is guessed: an agent that runs, or does not answer, might be meant.
    const isGuess = name === '' && agents.length + silent.length > 0;
    const others = left
      .map(toFound)
      .filter((one) => !agents.some((agent) => isSame(agent.status, one.status)));
    const { status, ...agent } = chooseAgent(isGuess ? agents : [...agents, ...others], name, {
      runDir,
      silent,
    });
    const print = (text: string) => context.print(`${status.mesh}.${status.name}: ${text}`);
    const { drainTime, timeout } = values;
    if (agent.socketPath !== '') {
      if (drainTime !== undefined) context.warn('kuma-dp: --drain-time is left out: the agent has its own');
      print(await stopAgent({ ...agent, status }, timeout));
    }
    // An agent of several proxies may be unable to adopt what it is asked to stop.
    const own = left.find(({ record }) => isSame(record, status));
    if (own !== undefined) print(await endKept(own, { drainTime, print, context }));
  });
}

function isSame(a: Pick<AgentStatus, 'mesh' | 'name'>, b: typeof a): boolean {
  return a.mesh === b.mesh && a.name === b.name;
}

async function stopAgent(agent: FoundAgent, timeoutMs: number): Promise<string> {
  const { socketPath, base, status } = agent;
  const isOver = watchEnd(agent);
  const others = existsSync(crewPaths(dirname(dirname(socketPath)), status.agentPid).agentSocket);
  try {
    expectAgreed(await wish(agent, { path: `${base}/stop`, done: 'stopped', timeoutMs }), 'stopped');
  } catch (error) {
    // Somebody else stopped it in the same moment.
    if (!isGone(error) || base !== '') throw error;
  }
  if (base !== '') return 'it did not run and is not tried again; kuma-dp restart starts it';
  // The process of several proxies goes on without this one.
  const hasLeft = () => others && !existsSync(socketPath);
  await until(timeoutMs, 'stopped', () => hasLeft() || isOver());
  return hasLeft() ? 'stopped; kuma-dp restart, or a change of its file, starts it again' : 'stopped';
}

interface Wish {
  readonly drainTime: number | undefined;
  readonly print: (text: string) => void;
  readonly context: CommandContext;
}

/** A second signal ends it at once, as it does with an agent; one alone must not cut connections by mistake. */
async function endKept(kept: Unattended, { drainTime, print, context }: Wish): Promise<string> {
  const { stopKept } = await import('../adoption/stop-kept.ts');
  const stop = listenForStop(context.signals);
  stop.graceful.addEventListener('abort', () => print('it is being stopped; once more ends it at once'));
  try {
    return await stopKept(kept, {
      ...{ drainTimeMs: drainTime, hurry: stop.immediate, clock: systemClock, tell: print },
      hurryBy: 'Ctrl-C twice',
    });
  } finally {
    stop.dispose();
  }
}
