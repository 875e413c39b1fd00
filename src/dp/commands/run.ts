import type { Command } from 'commander';
import { systemClock } from '../../lib/clock.ts';
import { createLogSink } from '../../lib/log-sink.ts';
import { listenForStop } from '../../lib/stop-signals.ts';
import { createLogger } from '../../logging/create-logger.ts';
import { AgentError } from '../agent-error.ts';
import { addFlags, addIgnoredFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load.ts';
import { AGENT_SETTINGS } from '../config/settings.ts';
import { catchWishes } from '../control/signals.ts';
import type { CommandContext } from '../program.ts';
import { toConfigSources } from './config-sources.ts';

/** `kuma-dp run`: one proxy, until a signal comes. */
export function addRunCommand(root: Command, context: CommandContext): void {
  const command = root.command('run').description('Run the proxy of one Dataplane.');
  addFlags(command, AGENT_SETTINGS);
  addIgnoredFlags(command);
  command.option('-c, --config-file <file>', 'Settings as YAML; flags and variables overrule it.');
  command.action(() => run(command, context));
}

async function run(command: Command, context: CommandContext): Promise<void> {
  // Signals are listened to before anything can be left behind.
  const stop = listenForStop(context.signals, ['SIGTERM', 'SIGINT']);
  const wishes = catchWishes(context.signals);
  try {
    const loaded = await loadConfig(toConfigSources(command, context));
    if (!loaded.ok) {
      const lines = loaded.violations.map(({ field, message }) => `${field}: ${message}`);
      throw new AgentError('settings-invalid', lines.join('\n'));
    }
    const { config, warnings } = loaded;
    const sink = createLogSink(context.stdout, config.log.format === 'json' ? { describeDropped } : {});
    const logger = createLogger('kuma-dp', { ...config.log, write: (line) => sink.write(line) });
    for (const warning of warnings) logger.warn({}, warning);
    // Loaded late: a mistake in the settings is told without it.
    const { runAgent } = await import('../agent.ts');
    await runAgent({ config, env: context.env, logger, sink, stop, wishes, clock: systemClock });
  } finally {
    stop.dispose();
    wishes.dispose();
  }
}

function describeDropped(lines: number): string {
  const message = `${lines} log lines left out: the reader of the log is too slow`;
  return `${JSON.stringify({ level: 'warn', logger: 'kuma-dp', time: new Date().toISOString(), message })}\n`;
}
