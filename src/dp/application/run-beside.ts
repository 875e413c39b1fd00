import type { Logger } from '../../lib/logger.ts';
import type { StopRequest } from '../../lib/stop-signals.ts';
import { type ApplicationExit, describeApplicationExit, toExitCode } from './exit.ts';
import type { ApplicationProcess } from './process.ts';

/** Who ends first when both are asked to. */
export type StopOrder = 'proxy-first' | 'app-first';

/** What the agent is run with, and what it tells. */
export interface AgentHooks {
  readonly stop: StopRequest;
  /** The proxy serves; may be called again and again. */
  readonly onReady: () => void;
  /** Awaited between the end of the last connection and the end of Envoy, so that the application can still call out. */
  readonly afterDrain: () => Promise<void>;
}

export interface BesideOptions {
  readonly start: () => Promise<ApplicationProcess>;
  /** Runs the agent until it is asked to stop. */
  readonly agent: (hooks: AgentHooks) => Promise<void>;
  /** Its `request`, where it has one, is what the agent is asked for without a signal. */
  readonly stop: StopRequest;
  readonly stopOrder: StopOrder;
  /** Time from SIGTERM to SIGKILL for the application, in ms. */
  readonly graceMs: number;
  readonly logger: Logger;
}

const HURRIED_GRACE_MS = 200;

/**
 * Runs an application and its proxy as one: the application starts when the proxy is ready, and when either ends both
 * do. Returns the exit code of the application, 0 when it was never started. Throws what the agent throws, with the
 * application ended.
 */
export async function runBeside(options: BesideOptions): Promise<number> {
  const { stop, stopOrder, graceMs, logger } = options;
  const graceful = new AbortController();
  const immediate = new AbortController();
  let starting: Promise<ApplicationProcess | undefined> | undefined;
  let failure: unknown;

  const begin = async (): Promise<ApplicationProcess | undefined> => {
    try {
      const application = await options.start();
      logger.info({ pid: application.pid }, 'application started');
      void application.exited.then((exit) => {
        logger.info({ exit: describeApplicationExit(exit) }, 'application ended');
        graceful.abort(`the application ended (${describeApplicationExit(exit)})`);
      });
      return application;
    } catch (error) {
      failure = error;
      graceful.abort('the application cannot be started');
      return undefined;
    }
  };
  const endApplication = async (ms: number): Promise<ApplicationExit | undefined> =>
    (await starting)?.end(ms);

  const onStop = () => {
    if (stopOrder === 'app-first' && starting !== undefined) void endApplication(graceMs);
    else graceful.abort(stop.graceful.reason);
  };
  const onHurry = () => {
    graceful.abort(stop.graceful.reason);
    immediate.abort(stop.immediate.reason);
    void endApplication(HURRIED_GRACE_MS);
  };
  const forget = [listen(stop.graceful, onStop), listen(stop.immediate, onHurry)];
  try {
    await options.agent({
      stop: { ...stop, graceful: graceful.signal, immediate: immediate.signal, dispose: () => {} },
      onReady: () => {
        if (!graceful.signal.aborted && !stop.graceful.aborted) starting ??= begin();
      },
      afterDrain: async () => {
        await endApplication(graceMs);
      },
    });
  } finally {
    await endApplication(graceMs);
    for (const end of forget) end();
  }
  if (failure !== undefined) throw failure;
  const exit = await endApplication(0);
  return exit === undefined ? 0 : toExitCode(exit);
}

function listen(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}
