import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { describeViolations } from '../../lib/violations.ts';
import type { Setting, Settings, SettingValues } from '../../settings/declare.ts';
import { loadSettings } from '../../settings/load.ts';
import { AgentError } from '../agent-error.ts';
import { CONTROL_SETTINGS, STATUS_SETTINGS } from '../config/control-settings.ts';
import { addFlags, readFlags } from '../config/flags.ts';
import { chooseAgent, type FoundAgent, findAgents, toFound } from '../control/agents.ts';
import { printStatusTable } from '../control/status-table.ts';
import { findUnattended } from '../control/unattended.ts';
import { expectAgreed, isDrained, textOf, until, watchEnd, wish } from '../control/wish.ts';
import type { CommandContext } from '../program.ts';
import { chooseRunDir, crewPaths } from '../run-dir/paths.ts';

export const NAME = 'name of the proxy, or mesh.name; may be left out where only one runs';

/** `kuma-dp status|restart|drain|detach [NAME]`: talk to the agents of this host through their sockets. */
export function addControlCommands(root: Command, context: CommandContext): void {
  addStatus(root, context);
  addAction(root, context, {
    name: 'restart',
    description:
      'Start Envoy anew, with a new binary or bootstrap if there is one, without a failed request.',
    run: restart,
  });
  addAction(root, context, {
    name: 'drain',
    description: 'Take the proxy out of service and let its connections end; the agent and Envoy stay.',
    run: drain,
  });
  addAction(root, context, {
    name: 'detach',
    description:
      'End the agent and leave Envoy serving, for the next agent to adopt; only with --keep-envoy. An agent of several proxies ends as a whole.',
    run: detach,
    whole: true,
  });
}

function addStatus(root: Command, context: CommandContext): void {
  const command = root
    .command('status')
    .description('Show the agents of this host.')
    .argument('[name]', NAME);
  addFlags(command, STATUS_SETTINGS);
  command.action(async (name = '') => {
    const { values, runDir } = readSettings(command, STATUS_SETTINGS, context);
    const { agents, silent } = await findAgents(runDir);
    for (const { dir, pid, fault } of silent)
      context.warn(
        `kuma-dp: ${dir}: ${pid === undefined ? 'left by an agent that was killed' : `process ${pid} does not answer`}: ${fault}`,
      );
    const all = [...agents, ...findUnattended(runDir).map(toFound)];
    const shown = name === '' ? all : [chooseAgent(all, name, { runDir, silent })];
    const statuses = shown.map(({ status }) => status);
    if (name === '' && statuses.length === 0) chooseAgent([], '', { runDir, silent });
    if (values.output === 'json')
      context.print(JSON.stringify(name === '' ? statuses : statuses[0], undefined, 2));
    else printStatusTable(statuses, { print: context.print, now: Date.now(), detailed: name !== '' });
  });
}

interface Action {
  readonly name: string;
  readonly description: string;
  readonly run: (agent: FoundAgent, timeoutMs: number) => Promise<string>;
  /** It is about the process: any of its proxies may stand for it. */
  readonly whole?: boolean;
}

function addAction(root: Command, context: CommandContext, { name, description, run, whole }: Action): void {
  const command = root.command(name).description(description).argument('[name]', NAME);
  addFlags(command, CONTROL_SETTINGS);
  command.action(async (proxy = '') => {
    const { values, runDir } = readSettings(command, CONTROL_SETTINGS, context);
    const { agents, silent } = await findAgents(runDir);
    const isOne = whole === true && new Set(agents.map(({ status }) => status.agentPid)).size === 1;
    const agent = chooseAgent(proxy === '' && isOne ? agents.filter(runs).slice(0, 1) : agents, proxy, {
      runDir,
      silent,
    });
    context.print(`${agent.status.mesh}.${agent.status.name}: ${await run(agent, values.timeout)}`);
  });
}

function runs({ base }: FoundAgent): boolean {
  return base === '';
}

async function restart(agent: FoundAgent, timeoutMs: number): Promise<string> {
  const answer = await wish(agent, { path: `${agent.base}/restart`, done: 'restarted', timeoutMs });
  if (answer.status !== 200) throw new AgentError('command-failed', `no restart: ${textOf(answer)}`);
  return textOf(answer);
}

async function drain(agent: FoundAgent, timeoutMs: number): Promise<string> {
  const { base, status } = agent;
  if (base !== '')
    throw new AgentError('command-failed', `it does not run: ${status.reason || status.state}`);
  expectAgreed(await wish(agent, { path: '/drain', done: 'drained', timeoutMs }), 'drained');
  await until(timeoutMs, 'drained', () => isDrained(agent));
  return 'drained: no connection is left, or the drain time is over; agent and Envoy run on until they are stopped';
}

async function detach(agent: FoundAgent, timeoutMs: number): Promise<string> {
  const { socketPath, base, status } = agent;
  const isOver = watchEnd(agent);
  // An agent of several proxies ends as a whole.
  const { agentSocket } = crewPaths(dirname(dirname(socketPath)), status.agentPid);
  const whole = existsSync(agentSocket);
  if (base !== '') throw new AgentError('command-failed', `it does not run: ${status.reason}`);
  const asked = whole ? { status, socketPath: agentSocket } : agent;
  const answer = await wish(asked, { path: '/detach', done: 'detached', timeoutMs });
  expectAgreed(answer, 'detached');
  await until(timeoutMs, 'detached', isOver);
  return whole ? textOf(answer) : 'the agent ended; Envoy serves on until the next agent adopts it';
}

export function readSettings<S extends Settings>(
  command: Command,
  settings: S & { readonly runDir: Setting<string> },
  { env }: CommandContext,
): { readonly values: SettingValues<S>; readonly runDir: string } {
  const { values, violations } = loadSettings(settings, { flags: readFlags(command, settings), env });
  if (violations.length > 0) throw new AgentError('settings-invalid', describeViolations(violations));
  return { values, runDir: chooseRunDir(String(values.runDir), env) };
}
