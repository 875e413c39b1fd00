// The agent's side of Envoys that outlive it: where they log, how they are started and taken over, and what is written
// down of them for the next agent.
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/coded-error.ts';
import { identifyFile } from '../lib/file-identity.ts';
import type { Logger } from '../lib/logger.ts';
import { ensurePrivateDir, ensureSafeParent } from '../lib/private-dir.ts';
import { withoutAuthorization } from './bootstrap/authorization.ts';
import type { KeptStart } from './envoy/kept-process.ts';
import { adoptLogged, type LoggedProcess, startLogged } from './envoy/logged-process.ts';
import type { Instance } from './run-dir/instance.ts';
import type { KeptEnvoy, KeptRecord } from './run-dir/kept.ts';
import { epochPaths } from './run-dir/paths.ts';

export interface KeptEnvoysParts {
  readonly instance: Instance;
  /** Parent of the directories for logs; '': the run directory. */
  readonly logDir: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** What of the record concerns all Envoys of this agent. */
  readonly about: () => Omit<KeptRecord, 'envoys'>;
}

/** What an Envoy prints and what is known of it; see the log of a process. */
export interface KeptOutput {
  readonly push: (chunk: Buffer) => void;
  /** Printed under an agent before this one: not to be told again. */
  readonly recall: (chunk: Buffer) => void;
  readonly tail: () => readonly string[];
}

export interface KeptEnvoys {
  /** Starts an Envoy and writes it down. */
  start(start: Omit<KeptStart, 'logPath'>, facts: StartFacts, output: KeptOutput): LoggedProcess;
  adopt(envoy: KeptEnvoy, output: KeptOutput): LoggedProcess;
  /** This one serves: what is known of it by now is written down. */
  settled(pid: number): void;
  /** Lets go of all of them. */
  forget(): void;
}

export type StartFacts = Omit<KeptEnvoy, 'pid' | 'startTicks' | 'logPath'>;

export function createKeptEnvoys(parts: KeptEnvoysParts): KeptEnvoys {
  const { instance, logger, clock } = parts;
  const kept = new Map<LoggedProcess, KeptEnvoy>();
  let written = instance.kept !== undefined;
  let logDir: string | undefined;
  const record = () => {
    if (kept.size === 0 && !written) return;
    written = true;
    try {
      instance.keep({ ...parts.about(), envoys: [...kept.values()] });
    } catch (error) {
      logger.error(
        { cause: describeError(error) },
        'the record of the running Envoys cannot be written: the next agent may end them instead of adopting them',
      );
    }
  };
  const optionsFor = (epoch: number, logPath: string, { push, recall, tail }: KeptOutput) => ({
    ...{ logPath, tail, clock },
    positionPath: epochPaths(instance.paths.dir, epoch).logPosition,
    onOutput: push,
    onEarlier: recall,
    onSkipped: (bytes: number) =>
      logger.warn(
        { bytes, epoch },
        'a part of the log of Envoy is left out: too much came at once, or while no agent was there',
      ),
  });
  const add = (process: LoggedProcess, envoy: KeptEnvoy): LoggedProcess => {
    kept.set(process, envoy);
    record();
    void process.exited.then(() => {
      kept.delete(process);
      record();
    });
    return process;
  };
  return {
    start(start, facts, output) {
      logDir ??= openLogDir(
        parts,
        [...kept.values()].map(({ logPath }) => logPath),
      );
      const logPath = join(logDir, `envoy.${facts.epoch % 10}.log`);
      const process = startLogged(start, optionsFor(facts.epoch, logPath, output));
      const { pid, startTicks } = process;
      return add(process, {
        ...facts,
        pid,
        startTicks,
        logPath,
        received: withoutAuthorization(facts.received),
      });
    },
    adopt: (envoy, output) => add(adoptLogged(envoy, optionsFor(envoy.epoch, envoy.logPath, output)), envoy),
    settled(pid) {
      for (const [process, envoy] of kept) {
        const program = process.pid === pid ? identifyFile(`/proc/${pid}/exe`) : '';
        if (program !== '' && program !== envoy.binary.identity) kept.set(process, { ...envoy, program });
      }
      record();
    },
    forget() {
      for (const process of kept.keys()) process.forget();
    },
  };
}

/** A file system that fills up stops no Envoy, but is somebody's trouble: not the one in memory where there is a choice. */
function openLogDir({ instance, logDir, logger }: KeptEnvoysParts, inUse: readonly string[]): string {
  const { dir } = instance.paths;
  if (logDir === '') return dir;
  const own = join(logDir, basename(dir));
  try {
    ensureSafeParent(logDir);
    ensurePrivateDir(own);
    for (const name of readdirSync(own)) {
      const path = join(own, name);
      if (/^envoy\.\d\.log$/.test(name) && !inUse.includes(path)) rmSync(path, { force: true });
    }
    return own;
  } catch (error) {
    logger.warn(
      { cause: describeError(error), dir: dirname(own) },
      'Envoy logs into the run directory: the directory for its log cannot be used (--envoy-log-dir)',
    );
    return dir;
  }
}
