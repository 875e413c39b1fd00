import type { Command } from 'commander';
import { aborted } from '../../lib/aborted.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogSink } from '../../lib/log-sink.ts';
import { listenForStop } from '../../lib/stop-signals.ts';
import { createLogger } from '../../logging/create-logger.ts';
import type { AgentParts } from '../agent.ts';
import { AgentError } from '../agent-error.ts';
import type { AgentHooks } from '../application/run-beside.ts';
import type { CrewConfig } from '../config/crew-config.ts';
import { addFlags, addIgnoredFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load.ts';
import { AGENT_SETTINGS } from '../config/settings.ts';
import { catchWishes } from '../control/signals.ts';
import { createLogGate } from '../logs/gate.ts';
import { createLogRing, keepLines } from '../logs/ring.ts';
import type { CommandContext } from '../program.ts';
import { hideToken } from '../token/hide.ts';
import { readApplication, runApplication } from './application.ts';
import { toConfigSources } from './config-sources.ts';

/** `kuma-dp run`: one proxy, or several, until a signal comes. */
export function addRunCommand(root: Command, context: CommandContext): void {
  const command = root.command('run').description('Run the proxy of one Dataplane, or of each of several.');
  addFlags(command, AGENT_SETTINGS);
  addIgnoredFlags(command);
  command.option('-c, --config-file <file>', 'Settings as YAML; flags and variables overrule it.');
  command.argument('[application...]', 'after "--": a program to run beside the proxy, with its arguments');
  command.action((words: readonly string[]) => run(command, context, words));
}

async function run(command: Command, context: CommandContext, words: readonly string[]): Promise<void> {
  const application = readApplication(words, context.argv);
  // Signals are listened to before anything can be left behind.
  const stop = listenForStop(context.signals, ['SIGTERM', 'SIGINT']);
  const wishes = catchWishes(context.signals);
  try {
    const loaded = await Promise.race([
      loadConfig(toConfigSources(command, context)),
      // What comes through a pipe may never come.
      aborted(stop.graceful),
    ]);
    if (loaded === true) return;
    if (!loaded.ok) {
      const lines = loaded.violations.map(({ field, message }) => `${field}: ${message}`);
      throw new AgentError('settings-invalid', lines.join('\n'));
    }
    const { config, warnings } = loaded;
    if (config.envoy.keep && application !== undefined)
      throw new AgentError(
        'settings-invalid',
        '--keep-envoy: cannot be used together with "-- COMMAND": the command ends with its agent, and an Envoy kept without it would answer for an application that is gone',
      );
    hideToken(process.env);
    // Standard output is the application's where there is one.
    const stream = application === undefined ? context.stdout : context.stderr;
    const logs = createLogRing();
    const gate = createLogGate(
      createLogSink(stream, config.log.format === 'json' ? { describeDropped } : {}),
    );
    // Each of several proxies keeps its own lines.
    const sink = loaded.crew === undefined ? keepLines(gate, logs) : gate;
    const logger = createLogger('kuma-dp', { ...config.log, write: (line) => sink.write(line) });
    for (const warning of warnings) logger.warn({}, warning);
    const parts = { config, env: context.env, logger, sink, logs, stop, wishes, clock: systemClock };
    const agent = await chooseAgent(parts, loaded.crew);
    if (application === undefined) return await agent({});
    const beside = { command: application, config, stop, logger, gate, agent };
    context.setExitCode(await runApplication(beside, context));
  } finally {
    stop.dispose();
    wishes.dispose();
  }
}

/** One agent, or one for each of several Dataplanes. Loaded late: a mistake in the settings is told without them. */
async function chooseAgent(
  parts: AgentParts,
  crew: CrewConfig | undefined,
): Promise<(hooks: Partial<AgentHooks>) => Promise<void>> {
  if (crew === undefined) {
    const { runAgent } = await import('../agent.ts');
    return ({ onReady, ...hooks }) =>
      runAgent({
        ...parts,
        ...hooks,
        onState: ({ state }) => {
          if (state === 'ready' || state === 'degraded') onReady?.();
        },
      });
  }
  const [{ runCrew }, { openMemberLog }] = await Promise.all([
    import('../crew/crew.ts'),
    import('../crew/log.ts'),
  ]);
  const openLog = (id: string) => openMemberLog(id, parts.config.log, parts.sink);
  return (hooks) => runCrew({ ...parts, ...hooks, crew, openLog });
}

function describeDropped(lines: number): string {
  const message = `${lines} log lines left out: the reader of the log is too slow`;
  return `${JSON.stringify({ level: 'warn', logger: 'kuma-dp', time: new Date().toISOString(), message })}\n`;
}
