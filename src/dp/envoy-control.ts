import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { describeError } from '../lib/coded-error.ts';
import type { JsonObject } from '../lib/json.ts';
import type { LogSink } from '../lib/log-sink.ts';
import type { Logger } from '../lib/logger.ts';
import { writePrivateFile } from '../lib/private-file.ts';
import type { AdminPlace } from './admin-place.ts';
import { AgentError } from './agent-error.ts';
import { readExpectations } from './bootstrap/overlay.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { createAdminClient } from './envoy/admin-client.ts';
import { checkAdminPort } from './envoy/admin-port.ts';
import { type HotRestartFacts, serveArguments } from './envoy/command-line.ts';
import { drainEnvoy } from './envoy/drain.ts';
import { createLineSplitter, formatLine, isNoise, tellsRejection } from './envoy/output.ts';
import { type EnvoyProcess, startEnvoy } from './envoy/process.ts';
import { untilQuiet } from './envoy/sockets.ts';
import { createTail } from './envoy/tail.ts';
import { validateBootstrap } from './envoy/validate.ts';
import { checkState } from './hot-restart/state-check.ts';
import type { OpaqueResource } from './hot-restart/static-state.ts';
import { createKeptEnvoys, type KeptEnvoys, type KeptOutput } from './kept-envoys.ts';
import type { EnvoyPlan } from './plan.ts';
import { startMonitor } from './readiness/monitor.ts';
import { readRelayEpoch } from './relay/overlay.ts';
import { toDiskFault } from './run-dir/fault.ts';
import type { Instance } from './run-dir/instance.ts';
import type { KeptEnvoy, KeptRecord } from './run-dir/kept.ts';
import { epochPaths } from './run-dir/paths.ts';
import type { EnvoyControl, EnvoyStart, RunningEnvoy } from './running-envoy.ts';

export interface ControlParts {
  readonly config: AgentConfig;
  readonly logger: Logger;
  readonly sink: LogSink;
  readonly clock: Clock;
  readonly instance: Instance;
  /** The bootstrap Envoy is given: the received one with what only the agent knows. */
  readonly finish: (received: JsonObject, place: AdminPlace, epoch: number) => JsonObject;
  /** What the serving Envoy accepted of xDS; the agent looks at names and types only. */
  readonly accepted: () => readonly OpaqueResource[];
  readonly hotRestart: (start: EnvoyStart) => HotRestartFacts | undefined;
  /** Told what the running Envoy still lacks. */
  readonly onWaiting: (waitingFor: readonly string[]) => void;
  /** What the next agent is to know, should Envoy outlive this one. */
  readonly about: () => Omit<KeptRecord, 'envoys' | 'concurrency'>;
  /** Of an Envoy that was adopted. */
  readonly concurrency: number | undefined;
  /** What keeps the proxy from its first readiness and Envoy cannot tell. */
  readonly obstacles: () => readonly string[];
  /** Announces the stop to the control plane; whether it was understood. */
  readonly leave: () => Promise<boolean>;
}

/** Ties the parts that deal with a real Envoy together for the supervisor. */
export function createEnvoyControl(parts: ControlParts): EnvoyControl {
  const { config, logger, instance } = parts;
  const validated = new WeakSet<EnvoyPlan>();
  const running = new Set<RunningEnvoy>();
  let { concurrency } = parts;
  const kept = createKeptEnvoys({
    ...{ instance, logger, clock: parts.clock, logDir: config.envoy.logDir },
    about: () => ({ ...parts.about(), ...(concurrency === undefined ? {} : { concurrency }) }),
  });
  const record = () => {
    try {
      instance.recordEnvoys([...running].map(({ pid }) => pid));
    } catch (error) {
      logger.error(
        { cause: describeError(error) },
        'the list of the running Envoys cannot be written: should this agent be killed, the next one may not find them all',
      );
    }
  };
  const follow = (envoy: RunningEnvoy) => {
    running.add(envoy);
    record();
    void envoy.exited.then(() => {
      running.delete(envoy);
      record();
    });
    return envoy;
  };
  return {
    async check(plan, signal) {
      if (validated.has(plan)) return undefined;
      const problem = await checkStart(parts, plan, signal).catch(toDiskFault);
      if (problem === undefined && !signal.aborted) validated.add(plan);
      return problem;
    },
    checkHandOver: (start, signal) => checkHandOver(parts, start, signal).catch(toDiskFault),
    start: (start) => follow(startOne(parts, start, { concurrency, kept })),
    adopt: (envoy, plan) => follow(adoptOne(parts, kept, { envoy, plan })),
    forget: () => kept.forget(),
    async settle(envoy) {
      try {
        linkAdmin(instance.paths.adminSocket, envoy.place);
      } catch (error) {
        logger.error(
          { cause: describeError(error), link: instance.paths.adminSocket },
          'the link to the admin interface cannot be set: it may lead to an Envoy that is gone',
        );
      }
      concurrency ??= await readConcurrency(envoy.place);
      kept.settled(envoy.pid);
    },
    running: () => [...running],
    async leave() {
      const understood = await parts.leave();
      logger.info({ understood }, 'announced the leave to the control plane');
    },
    async drain({ place, pid }, hurry) {
      const admin = createAdminClient(place);
      const { drainTimeMs } = config.envoy;
      const quiet = (timeoutMs: number) => untilQuiet(pid, { clock: parts.clock, timeoutMs, signal: hurry });
      try {
        await drainEnvoy({ admin, drainTimeMs, hurry, logger, untilQuiet: quiet });
      } finally {
        admin.close();
      }
    },
    async answers({ place }) {
      const admin = createAdminClient(place, 500);
      try {
        await admin.get('/ready');
        return true;
      } catch {
        return false;
      } finally {
        admin.close();
      }
    },
  };
}

interface Means {
  readonly concurrency: number | undefined;
  readonly kept: KeptEnvoys;
}

function startOne(parts: ControlParts, start: EnvoyStart, { concurrency, kept }: Means): RunningEnvoy {
  const { config, clock } = parts;
  const { plan, epoch } = start;
  const { path: bootstrapPath, place, bootstrap } = writeBootstrap(parts, start);
  const hotRestart = parts.hotRestart(start);
  const args = serveArguments({
    bootstrapPath,
    options: config.envoy,
    logFormat: config.log.format,
    version: plan.binary.version.version,
    concurrency,
    hotRestart,
  });
  const expects = readExpectations(bootstrap);
  const ear = listen(parts);
  const { launcher } = plan.binary;
  const common = { binary: plan.binary.executable(), args };
  const process =
    launcher.kind === 'double-fork'
      ? kept.start(
          common,
          {
            ...{ epoch, bootstrapPath, place, expects, received: plan.received, binary: factsOf(plan) },
            ...optional('relayEpoch', readRelayEpoch(bootstrap)),
            ...optional('baseId', hotRestart?.baseId),
          },
          toKeptOutput(ear),
        )
      : startEnvoy({ ...common, launcher, guarded: hotRestart !== undefined, clock, onOutput: ear.push });
  return dress(parts, ear, { process, epoch, plan, place, expects });
}

function adoptOne(
  parts: ControlParts,
  kept: KeptEnvoys,
  { envoy, plan }: { envoy: KeptEnvoy; plan: EnvoyPlan },
): RunningEnvoy {
  const { epoch, place, expects } = envoy;
  const ear = listen(parts);
  const process = kept.adopt(envoy, toKeptOutput(ear));
  return dress(parts, ear, { process, epoch, plan, place, expects });
}

function optional<K extends string>(key: K, value: number | undefined): { readonly [P in K]?: number } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [P in K]?: number };
}

function factsOf({ binary: { path, identity, version } }: EnvoyPlan): KeptEnvoy['binary'] {
  return { path, identity, version };
}

/** Takes what one Envoy prints: passes it on, keeps the last lines, and notices refusals. */
function listen(parts: ControlParts) {
  const tail = createTail();
  let refusal = '';
  let onRefusal = () => {};
  const output = passOn(parts, (line) => {
    tail.push(line);
    if (!tellsRejection(line)) return;
    refusal = line.slice(-500);
    onRefusal();
  });
  return {
    ...output,
    lines: tail.lines,
    lastRefusal: () => refusal,
    recall(chunk: Buffer) {
      for (const line of chunk.toString('utf8').split('\n'))
        if (line !== '' && !isNoise(line)) tail.push(line);
    },
    tellRefusals(tell: () => void) {
      onRefusal = tell;
    },
  };
}

/** It prints into one file, which is no telling apart. */
function toKeptOutput(ear: ReturnType<typeof listen>): KeptOutput {
  return { push: (chunk) => ear.push('stderr', chunk), recall: ear.recall, tail: ear.lines };
}

interface Dressed {
  readonly process: EnvoyProcess;
  readonly epoch: number;
  readonly plan: EnvoyPlan;
  readonly place: AdminPlace;
  readonly expects: KeptEnvoy['expects'];
}

function dress(parts: ControlParts, ear: ReturnType<typeof listen>, envoy: Dressed): RunningEnvoy {
  const { process, epoch, plan, place, expects } = envoy;
  void process.exited.then(ear.flush);
  return {
    ...process,
    ...{ epoch, plan, place },
    tail: ear.lines,
    lastRefusal: ear.lastRefusal,
    watch(onChange) {
      const monitor = startMonitor({
        ...{ admin: createAdminClient(place), expects, clock: parts.clock, obstacles: parts.obstacles },
        onChange: (readiness) => {
          parts.onWaiting(readiness.waitingFor);
          onChange(readiness);
        },
      });
      ear.tellRefusals(monitor.nudge);
      return monitor;
    },
  };
}

interface Written {
  readonly path: string;
  readonly place: AdminPlace;
  readonly bootstrap: JsonObject;
}

function writeBootstrap({ config, instance, finish }: ControlParts, { plan, epoch }: EnvoyStart): Written {
  const { bootstrap: path, admin } = epochPaths(instance.paths.dir, epoch);
  const place: AdminPlace =
    config.envoy.adminPort === 0 ? { socketPath: admin } : { port: config.envoy.adminPort };
  const bootstrap = finish(plan.received, place, epoch);
  writePrivateFile(path, JSON.stringify(bootstrap));
  return { path, place, bootstrap };
}

async function checkStart(
  parts: ControlParts,
  plan: EnvoyPlan,
  signal: AbortSignal,
): Promise<AgentError | undefined> {
  try {
    await checkAdminPort(parts.config.envoy.adminPort);
  } catch (error) {
    if (error instanceof AgentError) return error;
    throw error;
  }
  const { path } = writeBootstrap(parts, { plan, epoch: 0, mayLackParent: false });
  return toError(await validateBootstrap(plan.binary.executable(), { path }, signal));
}

/** Linux takes no argument of 128 KiB or more. */
const MAX_ARGUMENT = 120_000;

/** The new binary looks at the new bootstrap and at all the xDS state it is going to be given. */
async function checkHandOver(
  parts: ControlParts,
  start: EnvoyStart,
  signal: AbortSignal,
): Promise<AgentError | undefined> {
  const executable = start.plan.binary.executable();
  const { path, bootstrap } = writeBootstrap(parts, start);
  const problem = toError(await validateBootstrap(executable, { path }, signal));
  const accepted = parts.accepted();
  const text = JSON.stringify(bootstrap);
  if (problem !== undefined || accepted.length === 0) return problem;
  if (Buffer.byteLength(text) > MAX_ARGUMENT) {
    parts.logger.warn(
      {},
      'the bootstrap is too long to be checked together with what the control plane sent',
    );
    return undefined;
  }
  const statePath = join(parts.instance.paths.dir, 'accepted.pb');
  const validate = () => validateBootstrap(executable, { statePath, text }, signal);
  const refusal = await checkState({ accepted, path: statePath, validate, signal });
  const what = 'what the control plane sent';
  return toError(refusal?.problem, refusal?.resource === undefined ? what : `${what}, ${refusal.resource}`);
}

function toError(problem: string | undefined, what = 'its bootstrap'): AgentError | undefined {
  return problem === undefined
    ? undefined
    : new AgentError('envoy-config-invalid', `Envoy refuses ${what}: ${problem}`);
}

/** People and tools find the admin interface of whichever epoch serves under one name. */
function linkAdmin(link: string, place: AdminPlace): void {
  if (!('socketPath' in place)) return;
  const fresh = `${link}.new`;
  rmSync(fresh, { force: true });
  symlinkSync(place.socketPath, fresh);
  renameSync(fresh, link);
}

/** Workers of a running Envoy: its successor must not have fewer, or connections in their accept queues are lost. */
async function readConcurrency(place: AdminPlace): Promise<number | undefined> {
  const admin = createAdminClient(place);
  try {
    const { body } = await admin.get('/server_info');
    const found = /"concurrency":\s*(\d+)/.exec(body)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  } finally {
    admin.close();
  }
}

/** Standard output and error apart: a line of one must not end up inside a line of the other. */
function passOn({ config, sink }: ControlParts, onLine: (line: string) => void) {
  const pass = (line: string) => {
    const text = formatLine(line, config.log.format, () => new Date());
    if (text === undefined) return;
    onLine(line);
    sink.write(text);
  };
  const splitters = { stdout: createLineSplitter(pass), stderr: createLineSplitter(pass) };
  return {
    push: (stream: 'stdout' | 'stderr', chunk: Buffer) => splitters[stream].push(chunk),
    flush: () => {
      splitters.stdout.flush();
      splitters.stderr.flush();
    },
  };
}
