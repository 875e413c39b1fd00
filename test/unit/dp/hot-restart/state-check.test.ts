import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { checkState } from '../../../../src/dp/hot-restart/state-check.ts';
import type { OpaqueResource } from '../../../../src/dp/hot-restart/static-state.ts';

const dir = mkdtempSync(join(tmpdir(), 'state-check-'));
const path = join(dir, 'accepted.pb');
const TYPES = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
};

afterAll(() => rmSync(dir, { recursive: true }));

/** Its bytes are its name, so that a validation can see whether it is in the file. */
function resource(type: keyof typeof TYPES, name: string): OpaqueResource {
  return { typeUrl: TYPES[type], name, bytes: Buffer.from(`<${name}>`) };
}

/** A binary that refuses a state with any of these in it. */
function check(
  accepted: readonly OpaqueResource[],
  refused: readonly string[],
  signal = AbortSignal.any([]),
) {
  const runs: string[] = [];
  const validate = async () => {
    const text = readFileSync(path, 'latin1');
    runs.push(text);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const found = refused.find((name) => text.includes(`<${name}>`));
    return found === undefined ? undefined : `cannot have ${found}`;
  };
  return { runs, result: checkState({ accepted, path, validate, signal }) };
}

const listeners = Array.from({ length: 100 }, (_, i) => resource('listener', `l${i}`));

test.each(listeners.map(({ name }) => name).filter((_, i) => i % 9 === 0))(
  'the listener %s that is refused among a hundred is named, after a few validations',
  async (name) => {
    const { result, runs } = check([...listeners, resource('cluster', 'c')], [name]);
    expect(await result).toEqual({ problem: `cannot have ${name}`, resource: `listener "${name}"` });
    expect(runs.length).toBeLessThanOrEqual(8);
    expect(existsSync(path)).toBe(false);
  },
);

test('a state that is taken costs one validation, and one with nothing to check none', async () => {
  const taken = check(listeners, []);
  expect(await taken.result).toBeUndefined();
  expect(taken.runs).toHaveLength(1);
  const empty = check([resource('route', 'r')], ['r']);
  expect(await empty.result).toBeUndefined();
  expect(empty.runs).toHaveLength(0);
});

test('clusters and certificates are there before the listeners that lean on them', async () => {
  const accepted = [...listeners, resource('cluster', 'c'), resource('secret', 's')];
  const { result, runs } = check(accepted, ['l0']);
  await result;
  expect(runs.every((text) => !text.includes('<l') || (text.includes('<c>') && text.includes('<s>')))).toBe(
    true,
  );
  expect(await check(accepted, ['c']).result).toMatchObject({ resource: 'cluster "c"' });
  expect(await check(accepted, ['s']).result).toMatchObject({ resource: 'secret "s"' });
});

test('of several that are refused one is named with its own cause', async () => {
  const found = await check(listeners, ['l7', 'l3']).result;
  expect(found?.resource).toBe('listener "l3"');
  expect(found?.problem).toBe('cannot have l3');
});

test('an agent that stops in the middle names nothing it does not know', async () => {
  const stop = new AbortController();
  const validate = async () => {
    if (stop.signal.aborted) return undefined;
    stop.abort();
    return 'no';
  };
  expect(await checkState({ accepted: listeners, path, validate, signal: stop.signal })).toEqual({
    problem: 'no',
    resource: undefined,
  });
});
