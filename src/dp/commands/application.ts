import { existsSync } from 'node:fs';
import type { Logger } from '../../lib/logger.ts';
import type { StopRequest } from '../../lib/stop-signals.ts';
import { AgentError } from '../agent-error.ts';
import { type ApplicationCommand, locateApplication } from '../application/command.ts';
import type { AgentHooks } from '../application/run-beside.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { findOnPath } from '../envoy/locate.ts';
import type { CommandContext } from '../program.ts';

/** The application after `--`; undefined when there is none. Words without `--` are a slip, not a program to run. */
export function readApplication(
  words: readonly string[],
  argv: readonly string[],
): ApplicationCommand | undefined {
  const [program, ...args] = words;
  if (program === undefined) return undefined;
  if (!argv.includes('--'))
    throw new AgentError(
      'settings-invalid',
      `unexpected argument "${program}"; an application goes after --`,
    );
  return [program, ...args];
}

export interface ApplicationRun {
  readonly command: ApplicationCommand;
  readonly config: AgentConfig;
  readonly stop: StopRequest;
  readonly logger: Logger;
  readonly agent: (hooks: AgentHooks) => Promise<void>;
}

/** Passed on to the application alone. The terminal sends its own signals to both; SIGHUP and SIGUSR2 are the agent's. */
const PASSED_ON = ['SIGUSR1', 'SIGQUIT'] as const;

/** Runs both to their end; returns the exit code of the application. */
export async function runApplication(run: ApplicationRun, context: CommandContext): Promise<number> {
  const { command, config, stop, logger, agent } = run;
  const { env, stdin, stdout, stderr, signals } = context;
  const file = locateApplication(command, env);
  const [{ startApplication }, { runBeside }, { withoutServiceManager }] = await Promise.all([
    import('../application/process.ts'),
    import('../application/run-beside.ts'),
    import('../notify/service-manager.ts'),
  ]);
  const terminal = (stdin as { readonly isTTY?: boolean }).isTTY === true;
  const forget: (() => void)[] = [];
  try {
    return await runBeside({
      ...{ agent, stop, logger },
      stopOrder: config.stopOrder,
      graceMs: config.appStopTimeoutMs,
      async start() {
        const application = await startApplication({
          ...{ file, terminal, stdout, stderr },
          args: command.slice(1),
          env: withoutServiceManager(env),
          setpriv: findSetpriv(env),
        });
        for (const name of PASSED_ON) {
          const pass = () => application.signal(name);
          signals.on(name, pass);
          forget.push(() => signals.off(name, pass));
        }
        return application;
      },
    });
  } finally {
    for (const end of forget) end();
  }
}

function findSetpriv(env: CommandContext['env']): string | undefined {
  return findOnPath('setpriv', env) ?? ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
}
