import { once } from 'node:events';
import type { Command } from 'commander';
import { describeError } from '../../lib/coded-error.ts';
import { describeViolations } from '../../lib/violations.ts';
import { loadSettings } from '../../settings/load.ts';
import { AgentError } from '../agent-error.ts';
import { addFlags, readFlags } from '../config/flags.ts';
import { LOGS_SETTINGS } from '../config/host-settings.ts';
import { chooseAgent, findAgents } from '../control/agents.ts';
import type { CommandContext } from '../program.ts';
import { chooseRunDir } from '../run-dir/paths.ts';

/** `kuma-dp logs [-f] [NAME]`: the newest lines of an agent and its Envoy, from the agent's memory. */
export function addLogsCommand(root: Command, context: CommandContext): void {
  const command = root
    .command('logs')
    .description('Show the newest log lines of an agent of this host and of its Envoy.')
    .argument('[name]', 'name of the proxy, or mesh.name; may be left out where only one runs');
  addFlags(command, LOGS_SETTINGS);
  command.action((name = '') => logs(command, context, name));
}

async function logs(command: Command, { env, stdout }: CommandContext, name: string): Promise<void> {
  const { values, violations } = loadSettings(LOGS_SETTINGS, {
    flags: readFlags(command, LOGS_SETTINGS),
    env,
  });
  if (violations.length > 0) throw new AgentError('settings-invalid', describeViolations(violations));
  const runDir = chooseRunDir(values.runDir, env);
  const { agents, silent } = await findAgents(runDir);
  const { socketPath, base } = chooseAgent(agents, name, { runDir, silent });
  const { readLogs } = await import('../logs/read.ts');
  const gone = new AbortController();
  const { signal } = gone;
  // `kuma-dp logs -f | head` ends with its reader.
  stdout.once('error', () => gone.abort());
  try {
    await readLogs({
      ...{ socketPath, base },
      lines: Math.max(0, values.lines),
      follow: values.follow,
      // A pager may stop reading for days.
      onText: (text) => stdout.write(text) || once(stdout, 'drain', { signal }),
      signal,
    });
  } catch (cause) {
    if (signal.aborted) return;
    throw new AgentError('command-failed', `no logs from ${socketPath}: ${describeError(cause)}`);
  }
}
