import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exchange } from '../../../src/lib/http-exchange.ts';
import { isSameProcessAlive, type ProcessId } from '../../../src/lib/process-id.ts';
import { survivors } from '../../support/processes.ts';
import { CTRL_BACKSLASH, CTRL_C, CTRL_Z, openTerminal, type Terminal } from '../../support/terminal.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type HostBench, openHostBench } from './support/host-bench.ts';

let bench: HostBench;

beforeEach(async () => {
  bench = await openHostBench();
});

afterEach(() => bench.dispose());

/** The agent itself is what runs on the terminal. */
function run(args: readonly string[], envoy = {}): Terminal {
  return openTerminal(bench.command(bench.fakeEnvoy(envoy).path, args));
}

const shell = () => ['bash', '--noprofile', '--rcfile', bench.path('rc'), '-i'];

/** A shell runs on the terminal, into which the agent is typed. */
async function runInShell(application: string, flags: readonly string[] = []): Promise<Terminal> {
  bench.write('rc', "PS1='prompt> '");
  const terminal = openTerminal(shell());
  await terminal.untilShown('prompt> ');
  const words = bench
    .command(bench.fakeEnvoy().path, [...flags, '--', 'APPLICATION'])
    .map((word) => `'${word}'`);
  terminal.type(`${words.join(' ').replace("'APPLICATION'", application)}\n`);
  return terminal;
}

/** What it prints stands apart from what was typed. */
const SAYS_UP = `printf '%s\\n' u""p`;

async function ask(path: string, timeoutMs = 20_000): Promise<number> {
  const { socketPath } = bench;
  return (await exchange({ url: new URL(`http://localhost${path}`), socketPath, timeoutMs })).status;
}

/** A job for a shell that tells when it is in the foreground: keys that are typed before reach the shell. */
const JOB = `sh -c 'printf "%s\\n" u""p; exec sleep 1000'\n`;

/** Lines of agent or Envoy. */
const logIn = (text: string) => text.split('\n').filter((line) => / kuma-dp |^envoy /.test(line));

describe('an application on a terminal', () => {
  test('has it: input and output are the terminal, of its size, and it hears of a change', async () => {
    const script = [
      'import os, signal, sys',
      'size = lambda *_: print("size", *os.get_terminal_size(), flush=True)',
      'signal.signal(signal.SIGWINCH, size)',
      'print([os.isatty(fd) for fd in (0, 1, 2)], open("/dev/tty").isatty()); size()',
      'print("read", sys.stdin.readline())',
    ].join('\n');
    const terminal = run(['--', 'python3', '-c', script]);
    await terminal.untilShown('[True, True, True] True');
    const at = await terminal.untilShown('size 80 24');
    terminal.resize(50, 132);
    await terminal.untilShown('size 132 50', at);
    terminal.type('a line\n');
    await terminal.untilShown('read a line');
    expect(await terminal.exited).toBe(0);
  });

  test('has it alone: the agent says where its log is meanwhile, and nothing else until the end', async () => {
    const ask = `stty -echo; printf 'Password: '; read -r p; stty echo; echo; echo "\${#p} letters"`;
    const terminal = run(['--', 'sh', '-c', ask]);
    const from = await terminal.untilShown('Password: ');
    terminal.type('secret\n');
    const to = await terminal.untilShown('6 letters');
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen()).toContain('is in "kuma-dp logs"');
    expect(logIn(terminal.screen().slice(from, to))).toEqual([]);
    expect(terminal.screen()).not.toContain('secret');
    // The end is told again.
    expect(logIn(terminal.screen().slice(to)).join('\n')).toContain('stopped');
  });

  test('hears Ctrl-C once, as the agent does: the proxy leaves and drains, and the exit code is the one of the application', async () => {
    const script = `trap '' TERM; trap 'echo interrupted; sleep 0.3; exit 7' INT; echo u""p; while :; do sleep 0.02; done`;
    const terminal = run(['--', 'sh', '-c', script]);
    await terminal.untilShown('up\r\n');
    terminal.type(CTRL_C);
    expect(await terminal.exited).toBe(7);
    const screen = terminal.screen();
    expect(screen.match(/interrupted/g)).toHaveLength(1);
    expect(screen).toMatch(/ draining .*cause=SIGINT/);
    expect(screen.indexOf('Envoy ended')).toBeGreaterThan(screen.indexOf('application ended'));
    expect(bench.leftovers()).toEqual([]);
  });

  test('that has its own use for Ctrl-C has until the connections have ended, then it is asked to end', async () => {
    const script = `trap 'echo not yet' INT; trap 'echo now; exit 0' TERM; echo u""p; while :; do sleep 0.02; done`;
    const terminal = run(['--', 'sh', '-c', script]);
    await terminal.untilShown('up\r\n');
    terminal.type(CTRL_C);
    await terminal.untilShown('not yet');
    expect(await terminal.exited).toBe(0);
    expect(terminal.screen()).toMatch(/ no connections left[\s\S]*now/);
  });

  test('ends at once with the second Ctrl-C, whatever it does', async () => {
    const terminal = run(['--', 'sh', '-c', `trap '' INT TERM; echo u""p; while :; do sleep 0.02; done`]);
    await terminal.untilShown('up\r\n');
    terminal.type(CTRL_C);
    await terminal.untilShown(/ draining /);
    terminal.type(CTRL_C);
    expect(await terminal.exited).toBe(137);
    await waitUntil(() => survivors().length === 0);
  });

  test('hears Ctrl-\\ once, and the agent outlives it', async () => {
    const script = `trap 'echo quit' QUIT; trap 'exit 5' TERM; echo u""p; while :; do sleep 0.02; done`;
    const terminal = run(['--', 'sh', '-c', script]);
    const from = await terminal.untilShown('up\r\n');
    terminal.type(CTRL_BACKSLASH);
    await terminal.untilShown('quit', from);
    expect(await ask('/ready')).toBe(200);
    process.kill(await terminal.pid(), 'SIGTERM');
    expect(await terminal.exited).toBe(5);
    expect(terminal.screen().match(/quit/g)).toHaveLength(1);
  });

  test('ends with its proxy when the terminal is closed', async () => {
    const terminal = run(['--', 'sh', '-c', `echo u""p; while :; do sleep 0.02; done`]);
    await terminal.untilShown('up\r\n');
    terminal.hangUp();
    expect(await terminal.exited).toBe(129);
    await waitUntil(() => survivors().length === 0);
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('job control', () => {
  test('stops agent and application together, Envoy serves on, and both go on in the foreground', async () => {
    const terminal = await runInShell(
      `sh -c '${SAYS_UP.replaceAll("'", '"')}; while :; do sleep 0.02; done'`,
    );
    let at = await terminal.untilShown('up\r\n');
    const envoys = JSON.parse(bench.read('run/default.a/envoy.json')) as readonly ProcessId[];
    expect(envoys).toHaveLength(1);
    terminal.type(CTRL_Z);
    at = await terminal.untilShown(/Stopped[\s\S]*prompt> /, at);
    await expect(ask('/ready', 1_000)).rejects.toThrow();
    expect(envoys.every(isSameProcessAlive)).toBe(true);
    terminal.type('fg\n');
    await waitUntil(async () => (await ask('/ready')) === 200);
    terminal.type(CTRL_C);
    at = await terminal.untilShown('prompt> ', at);
    terminal.type('echo code=$?\n');
    await terminal.untilShown('code=130', at);
    terminal.type('exit 0\n');
    expect(await terminal.exited).toBe(0);
  });

  test('is the one of a shell that is the application: its jobs stop and end, the agent does not notice', async () => {
    const terminal = await runInShell(shell().join(' '));
    let at = await terminal.untilShown(/is for the application now[\s\S]*prompt> /);
    terminal.type(JOB);
    at = await terminal.untilShown('up\r\n', at);
    terminal.type(CTRL_C);
    at = await terminal.untilShown('prompt> ', at);
    terminal.type(JOB);
    at = await terminal.untilShown('up\r\n', at);
    terminal.type(CTRL_Z);
    at = await terminal.untilShown(/Stopped[\s\S]*prompt> /, at);
    expect(await ask('/ready')).toBe(200);
    terminal.type('kill %1; wait; stty -a | head -1; exit 3\n');
    at = await terminal.untilShown(/rows 24[\s\S]* stopped /, at);
    at = await terminal.untilShown('prompt> ', at);
    terminal.type('echo code=$?; stty | grep -c -e -echo -e -icanon\n');
    await terminal.untilShown(/code=3\r\n0\r\n/, at);
    expect(bench.leftovers()).toEqual([]);
    terminal.type('exit 0\n');
    expect(await terminal.exited).toBe(0);
  });

  test('a shell that is the application ends with the agent, which it does not hear by SIGTERM, and leaves the terminal in order', async () => {
    const terminal = await runInShell(shell().join(' '), ['--app-stop-timeout', '1h']);
    let at = await terminal.untilShown(/is for the application now[\s\S]*prompt> /);
    terminal.type(JOB);
    at = await terminal.untilShown('up\r\n', at);
    process.kill(agentPid(), 'SIGTERM');
    at = await terminal.untilShown(/ stopped [\s\S]*prompt> /, at);
    terminal.type('echo code=$?; stty | grep -c -e -echo -e -icanon\n');
    await terminal.untilShown(/code=129\r\n0\r\n/, at);
    terminal.type('exit 0\n');
    expect(await terminal.exited).toBe(0);
    expect(survivors()).toEqual([]);
  });
});

function agentPid(): number {
  return (JSON.parse(bench.read('run/default.a/agent.json')) as { pid: number }).pid;
}

test.each([
  ['an agent', []],
  ['an agent with an application', ['--', 'sleep', '1000']],
])('%s on a terminal that is stuck, as after Ctrl-S, goes on', async (_who, application) => {
  const terminal = run(application, { chatty: 3_000 });
  terminal.lookAway();
  await waitUntil(async () => (await ask('/ready')) === 200);
  process.kill(await terminal.pid(), 'SIGTERM');
  await terminal.exited;
  expect(bench.leftovers()).toEqual([]);
});
