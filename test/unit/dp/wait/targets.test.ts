import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { instanceName } from '../../../../src/dp/run-dir/paths.ts';
import { findTargets } from '../../../../src/dp/wait/targets.ts';

const runDir = mkdtempSync(join(tmpdir(), 'dp-wait-'));
afterAll(() => rmSync(runDir, { recursive: true, force: true }));
const LONG = 'a-service-whose-name-is-longer-than-a-directory';
const proxies = [
  ['default', 'web'],
  ['shop', 'web'],
  ['shop', 'api'],
  ['shop', 'api.v1'],
  ['shop-b', LONG],
] as const;
for (const [mesh, name] of proxies) {
  mkdirSync(join(runDir, instanceName(mesh, name)));
  writeFileSync(join(runDir, instanceName(mesh, name), 'agent.sock'), '');
}
const found = (name: string, mesh = '') =>
  findTargets({ url: '', unixSocket: '', mesh, name, runDir }).map(({ label }) => label);

test('a name without a mesh means the proxy of that name in whichever mesh', () => {
  expect(found('api')).toEqual(['shop.api']);
  expect(found('api.v1')).toEqual(['shop.api.v1']);
  expect(found('web').sort()).toEqual(['default.web', 'shop.web']);
  expect(found(LONG)).toEqual([instanceName('shop-b', LONG)]);
});

test('a proxy may be named with its mesh, in one word or with the flag of its own', () => {
  expect(found('shop.web')).toEqual(['shop.web']);
  expect(found(`shop-b.${LONG}`)).toEqual([instanceName('shop-b', LONG)]);
  expect(found('web', 'shop')).toEqual(['shop.web']);
  expect(found('', 'shop').sort()).toEqual(['shop.api', 'shop.api.v1', 'shop.web']);
});

test('a name that only ends or begins like another is none', () => {
  expect(found('eb')).toEqual([]);
  expect(found('we')).toEqual([]);
  expect(found('v1')).toEqual([]);
  expect(found('web', 'other')).toEqual([]);
});
