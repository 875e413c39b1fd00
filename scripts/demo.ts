// Bookinfo in a mesh, on this machine: starts everything, says what to try, and stops everything without a trace.
// `--detach` starts the same program in the background and passes on what it reports until all is up.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Children } from './lib/demo/children.ts';
import { findPortTroubles } from './lib/demo/free-ports.ts';
import { endpoints } from './lib/demo/layout.ts';
import { startMesh, stopMesh } from './lib/demo/mesh.ts';
import { readState, removeState, writeState } from './lib/demo/state-file.ts';
import { invitation, RESTART_MS, USAGE } from './lib/demo/text.ts';

const root = dirname(import.meta.dirname);
const stateFile = join(root, '.cache', 'demo.json');

/** A reason to end that people can do something about: printed without a stack. */
class DemoError extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ip: { type: 'string', default: '127.0.0.1' },
      detach: { type: 'boolean', default: false },
      stop: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      // Set by --detach for the process it leaves in the background.
      background: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  if (values.stop) return stop();
  if (isIP(values.ip) === 0)
    throw new DemoError(`--ip must be an IP address of this machine, got "${values.ip}"`);
  if (values.detach) return detach(values.ip);
  return run(values.ip, values.background);
}

async function run(ip: string, background: boolean): Promise<void> {
  const start = performance.now();
  clearLeftOvers();
  const troubles = await findPortTroubles(endpoints(ip));
  if (troubles.length > 0) throw new DemoError(`the demo cannot start:\n  ${troubles.join('\n  ')}`);
  const folder = claim();
  const say = background ? reportTo(join(folder, 'demo.log')) : (text: string) => console.log(text);
  const stopped = new AbortController();
  const children = new Children(folder, say);
  // Before anything is started: a signal that comes early must find its way, too.
  onSignals(stopped, children);
  try {
    say(`starting Bookinfo on ${ip}; logs are in ${folder}`);
    const progress = (text: string) => say(`  ${((performance.now() - start) / 1000).toFixed(1)} s  ${text}`);
    await startMesh({ root, ip, folder, children, progress, signal: stopped.signal });
    children.restartAfter(RESTART_MS);
    say(invitation({ root, ip, folder, children }));
    if (background) process.send?.({ ready: true });
    else say('Ctrl-C stops everything.');
    await untilAborted(stopped.signal);
  } catch (error) {
    if (!stopped.signal.aborted) throw new DemoError((error as Error).message, { cause: error });
  } finally {
    say('stopping ...');
    await stopMesh(children);
    children.killAll();
    removeState(stateFile);
    if (!background) console.log('stopped; nothing is left running');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The demo's directory, noted in the clone so that this demo is found again. */
function claim(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kuma-demo-'));
  try {
    writeState(stateFile, folder);
    return folder;
  } catch (cause) {
    rmSync(folder, { recursive: true });
    throw new DemoError(`cannot write ${stateFile}: another demo may just be starting`, { cause });
  }
}

/** In the background there is a listener until everything is up, and a file from then on. */
function reportTo(file: string): (text: string) => void {
  return (text) => (process.connected ? void process.send?.({ text }) : appendFileSync(file, `${text}\n`));
}

function onSignals(stopped: AbortController, children: Children): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The first one stops in good order, the second at once.
    process.on(signal, () => (stopped.signal.aborted ? children.killAll() : stopped.abort()));
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(keepAlive);
}

/** What a demo that was killed could not remove. One that runs is an error. */
function clearLeftOvers(): void {
  const state = readState(stateFile);
  if (state?.alive) {
    throw new DemoError(
      `a demo of this clone is running (process ${state.pid}); stop it with ./scripts/demo --stop`,
    );
  }
  if (state !== undefined) rmSync(state.folder, { recursive: true, force: true });
  removeState(stateFile);
}

async function detach(ip: string): Promise<void> {
  const child = spawn(process.execPath, [import.meta.filename, '--background', '--ip', ip], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  // Ctrl-C while it starts stops what was started.
  const pass = () => void child.kill('SIGTERM');
  process.on('SIGINT', pass).on('SIGTERM', pass);
  const ready = await new Promise<boolean>((resolve) => {
    child.on('message', (message: { text?: string; ready?: boolean }) => {
      if (message.text !== undefined) console.log(message.text);
      if (message.ready) resolve(true);
    });
    child.once('close', () => resolve(false));
  });
  if (!ready)
    throw new DemoError(complaint.replace(/^demo: /, '').trim() || 'the demo was stopped while it started');
  child.stderr?.destroy();
  child.disconnect();
  child.unref();
  console.log('It goes on in the background; ./scripts/demo --stop stops it.');
  process.exit(0);
}

async function stop(): Promise<void> {
  const state = readState(stateFile);
  if (!state?.alive) {
    clearLeftOvers();
    console.log('no demo of this clone is running');
    return;
  }
  console.log(`stopping the demo (process ${state.pid}) ...`);
  process.kill(state.pid, 'SIGTERM');
  const end = performance.now() + 60_000;
  while (readState(stateFile)?.alive || existsSync(state.folder)) {
    if (performance.now() > end)
      throw new DemoError(`process ${state.pid} did not stop within a minute; see ${state.folder}/demo.log`);
    await sleep(50);
  }
  console.log('stopped; nothing is left running');
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  },
);
