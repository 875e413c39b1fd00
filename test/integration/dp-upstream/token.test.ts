import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAdminClient } from '../../../src/dp/envoy/admin-client.ts';
import { Bench, envoyPid, type RunningAgent, until, untilReady } from '../dp/support/agent.ts';
import { realEnvoy } from '../dp/support/envoy-binary.ts';
import { type Scripted, startScripted } from './support/scripted.ts';

let bench: Bench;
let cp: Scripted;

beforeEach(async () => {
  bench = new Bench();
  cp = await startScripted();
});

afterEach(async () => {
  await bench.dispose();
  await cp.close();
});

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: '1' })}.${part(claims)}.${'c2lnbmF0dXJl'.repeat(4)}`;
}

const now = () => Math.floor(Date.now() / 1000);
const good = (n: number) => jwt({ Name: 'a', Mesh: 'default', n, iat: now(), exp: now() + 3_600 });

/** Every text below a directory that can be read, with its path. */
function texts(dir: string): readonly { path: string; text: string }[] {
  if (!existsSync(dir)) return [];
  return (
    readdirSync(dir, { recursive: true })
      .map((name) => join(dir, String(name)))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
      // One that is being written gets its name when it is complete.
      .map((path) => ({ path, text: read(path) }))
  );
}

/** The agent's children and theirs: command line and environment. */
function children(of: number): readonly { path: string; text: string }[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(
    all.flatMap((pid) => {
      const stat = read(`/proc/${pid}/stat`);
      const parent = /^\d+ \(.*\) \S (\d+)/s.exec(stat)?.[1];
      return parent === undefined ? [] : [[Number(pid), Number(parent)] as const];
    }),
  );
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (parents.get(pid) === of || (pid > 1 && isBelow(parents.get(pid))));
  return [...parents.keys()].filter(isBelow).flatMap((pid) =>
    ['cmdline', 'environ'].map((what) => ({
      path: `/proc/${pid}/${what}`,
      text: read(`/proc/${pid}/${what}`),
    })),
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

async function page(path: string): Promise<string> {
  const admin = createAdminClient({ socketPath: join(bench.runDir, 'default.a', 'admin.sock') }, 20_000);
  try {
    return (await admin.get(path)).body;
  } finally {
    admin.close();
  }
}

/** Fails with every place where one of the tokens is, or a part of one that is a secret. */
async function expectNowhere(agent: RunningAgent, tokens: readonly string[]): Promise<void> {
  const pid = agent.child.pid ?? 0;
  const below = children(pid);
  expect(below.length).toBeGreaterThan(1);
  const places = [
    ...texts(bench.runDir),
    ...texts(join(bench.dir, 'state')),
    ...below,
    { path: 'the output', text: agent.output() },
    { path: '/config_dump', text: await page('/config_dump?include_eds') },
    { path: '/bootstrap of Envoy', text: await page('/config_dump?resource=bootstrap') },
  ];
  const secrets = tokens.flatMap((token) => [token, token.split('.')[1] ?? token]);
  expect(places.filter(({ text }) => secrets.some((s) => text.includes(s))).map(({ path }) => path)).toEqual(
    [],
  );
  expect(texts(bench.runDir).length).toBeGreaterThan(0);
}

describe.skipIf(realEnvoy === undefined)('tokens, with the real Envoy', () => {
  const run = (args: readonly string[], env = {}) =>
    bench.run(cp.url, { args: ['--binary-path', realEnvoy ?? '', ...args], env });

  test('a new token is used for the next stream and bootstrap, Envoy is not touched, and neither token is anywhere to be found', async () => {
    const [one, two] = [good(1), good(2)];
    const path = join(bench.dir, 'token');
    writeFileSync(path, `  ${one}\r\n\n`, { mode: 0o600 });
    cp.accept(one);
    const agent = run(['--dataplane-token-file', path]);
    await untilReady(agent);
    await until(() => cp.open() === 1, agent.output);
    expect(cp.bootstrapTokens()).toEqual([one]);
    expect(cp.streamTokens).toEqual([one]);
    const pid = envoyPid(agent);
    // Long enough for the last known good state to be written.
    await until(() => texts(join(bench.dir, 'state')).length > 0, agent.output, 40_000);
    await expectNowhere(agent, [one]);
    cp.accept(two);
    writeFileSync(`${path}.new`, two, { mode: 0o600 });
    renameSync(`${path}.new`, path);
    await until(() => cp.streamTokens.at(-1) === two && cp.open() === 1, agent.output);
    await until(() => agent.output().includes('a new token is in use'), agent.output);
    await until(async () => (await page('/server_info')).includes('"state": "LIVE"'), agent.output);
    await expectNowhere(agent, [one, two]);
    expect(envoyPid(agent)).toBe(pid);
    expect(agent.output().match(/ starting .*pid=/g)).toHaveLength(1);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
    expect(agent.output()).not.toContain(one.split('.')[1]);
    expect(texts(join(bench.dir, 'state')).some(({ text }) => text.includes(one) || text.includes(two))).toBe(
      false,
    );
  });

  test('a token file that comes beside a Dataplane of a directory is used for the next stream; one that goes stays in use', async () => {
    const [one, two] = [good(1), good(2)];
    const dps = join(bench.dir, 'dps');
    mkdirSync(dps);
    writeFileSync(join(dps, 'a.yaml'), 'type: Dataplane\nname: a\n');
    const binary = ['--binary-path', realEnvoy ?? ''];
    const agent = bench.start(
      ['run', '--cp-address', cp.url, '--run-dir', bench.runDir, '-d', dps, ...binary],
      {},
    );
    await untilReady(agent);
    await until(() => cp.open() === 1, agent.output);
    expect(cp.streamTokens).toEqual(['']);
    const pid = envoyPid(agent);
    for (const token of [one, two]) {
      cp.accept(token);
      writeFileSync(join(dps, 'a.token.new'), token, { mode: 0o600 });
      renameSync(join(dps, 'a.token.new'), join(dps, 'a.token'));
      await until(() => cp.streamTokens.at(-1) === token && cp.open() === 1, agent.output);
    }
    rmSync(join(dps, 'a.token'));
    await until(() => agent.output().includes('the last one stays in use'), agent.output);
    await untilReady(agent);
    expect(cp.streamTokens).toEqual(['', one, two]);
    expect(envoyPid(agent)).toBe(pid);
    await expectNowhere(agent, [one, two]);
    agent.child.kill('SIGTERM');
    expect(await agent.exited).toBe(0);
  });

  test('a token that the control plane does not take is named with what is wrong, and its successor is used at once', async () => {
    const path = join(bench.dir, 'token');
    writeFileSync(path, jwt({ Name: 'b', iat: now() - 600, exp: now() - 300 }));
    const right = good(1);
    cp.accept(right);
    const agent = run(['--dataplane-token-file', path]);
    await until(() => agent.output().includes('does not accept the token'), agent.output);
    expect(agent.output()).toMatch(/it expired 5m\d+s ago; it is for the proxy "b", this one is "a"/);
    writeFileSync(path, `${right}\n`);
    await untilReady(agent);
    await until(() => cp.open() === 1, agent.output);
    expect(cp.streamTokens).toEqual([right]);
  });

  test('a token that is no longer taken while the proxy runs: it serves on, says so, and the next one mends it', async () => {
    const [one, two] = [good(1), good(2)];
    const path = join(bench.dir, 'token');
    writeFileSync(path, one);
    cp.accept(one);
    const agent = run(['--dataplane-token-file', path]);
    await untilReady(agent);
    await until(() => cp.open() === 1, agent.output);
    const pid = envoyPid(agent);
    cp.accept(two);
    // A stream that is open stays open whatever becomes of its token; the file that goes away changes nothing.
    writeFileSync(path, good(3));
    await until(() => agent.output().includes('does not accept the token'), agent.output);
    await untilReady(agent);
    writeFileSync(path, two);
    await until(() => cp.streamTokens.at(-1) === two && cp.open() === 1, agent.output);
    expect(envoyPid(agent)).toBe(pid);
  });

  test('one given as text is used, warned of, and in no child', async () => {
    const token = good(1);
    cp.accept(token);
    const agent = run([], { KUMA_DATAPLANE_RUNTIME_TOKEN: token });
    await untilReady(agent);
    await until(() => cp.open() === 1, agent.output);
    expect(agent.output()).toContain('THE TOKEN IS GIVEN AS TEXT (KUMA_DATAPLANE_RUNTIME_TOKEN)');
    await expectNowhere(agent, [token]);
  });
});
