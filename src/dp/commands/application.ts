import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';
import type { Logger } from '../../lib/logger.ts';
import type { StopRequest } from '../../lib/stop-signals.ts';
import { AgentError } from '../agent-error.ts';
import { type ApplicationCommand, locateApplication } from '../application/command.ts';
import type { AgentHooks } from '../application/run-beside.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { acceptStops } from '../control/stop.ts';
import { findOnPath } from '../envoy/locate.ts';
import type { LogGate } from '../logs/gate.ts';
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
  /** In front of the agent's standard error. */
  readonly gate: LogGate;
  readonly agent: (hooks: AgentHooks) => Promise<void>;
}

/** Passed on to the application alone; SIGHUP and SIGUSR2 are the agent's. */
const PASSED_ON = ['SIGUSR1', 'SIGQUIT'] as const;
/** The keys of a terminal send these to both: the application has its own already, and the agent must not die of it. */
const SENT_TO_BOTH: readonly string[] = ['SIGQUIT'];

/** Runs both to their end; returns the exit code of the application. */
export async function runApplication(run: ApplicationRun, context: CommandContext): Promise<number> {
  const { command, config, logger, agent } = run;
  const accepted = acceptStops(run.stop);
  const stop = { ...accepted.stop, request: accepted.request };
  const { env, stdin, stdout, stderr, signals } = context;
  const file = locateApplication(command, env);
  const [{ startApplication }, { runBeside }, { withoutServiceManager }] = await Promise.all([
    import('../application/process.ts'),
    import('../application/run-beside.ts'),
    import('../notify/service-manager.ts'),
  ]);
  const terminal = isTerminal(stdin);
  const forget: (() => void)[] = [];
  // Before anybody else hears of it: what follows is to be seen.
  stop.graceful.addEventListener('abort', run.gate.open, { once: true });
  try {
    return await runBeside({
      ...{ agent, stop, logger },
      stopOrder: config.stopOrder,
      graceMs: config.appStopTimeoutMs,
      async start() {
        if (terminal && isTerminal(stderr)) {
          logger.info(
            {},
            'the terminal is for the application now: what agent and Envoy say meanwhile is in "kuma-dp logs" (2>FILE keeps it all)',
          );
          run.gate.shut();
        }
        const application = await startApplication({
          ...{ file, terminal, stdout, stderr },
          args: command.slice(1),
          env: withoutServiceManager(env),
          setpriv: findSetpriv(env),
        });
        for (const signal of PASSED_ON) {
          const pass = () => {
            if (!terminal || !SENT_TO_BOTH.includes(signal)) application.signal(signal);
          };
          signals.on(signal, pass);
          forget.push(() => signals.off(signal, pass));
        }
        // The agent may be the only one who is told that the terminal is closed; else SIGHUP is the agent's own.
        const onHangUp = () => {
          if (terminal && !isatty(0)) application.signal('SIGHUP');
        };
        signals.on('SIGHUP', onHangUp);
        forget.push(() => signals.off('SIGHUP', onHangUp));
        void application.exited.then(run.gate.open);
        return application;
      },
    });
  } finally {
    run.gate.open();
    for (const end of forget) end();
  }
}

function isTerminal(stream: Readable | Writable): boolean {
  return (stream as { readonly isTTY?: boolean }).isTTY === true;
}

function findSetpriv(env: CommandContext['env']): string | undefined {
  return findOnPath('setpriv', env) ?? ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));
}
