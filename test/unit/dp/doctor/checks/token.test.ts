import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tokenCheck } from '../../../../../src/dp/doctor/checks/token.ts';
import { aPatient, textOf } from '../support.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dp-token-'));
  for (const name of ['api', 'web']) {
    const networking = { address: '127.0.0.1', inbound: [{ port: 1, tags: { 'kuma.io/service': name } }] };
    write(`${name}.json`, JSON.stringify({ type: 'Dataplane', mesh: 'default', name, networking }));
  }
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('the tokens beside the files of several proxies are looked at', async () => {
  write('api.token', jwt({ Name: 'web', exp: 1 }));
  write('web.token', jwt({ Name: 'web', Mesh: 'default' }));
  const text = await diagnose();
  expect(text).toMatch(/the token expired .*--name api .*api\.token/);
  expect(text).toContain('the token is for the proxy "web", this one is "api"');
  expect(text).not.toContain('web.token');
});

test('a token that several proxies share is looked at for each of them, save those that have their own', async () => {
  write('shared', jwt({ Name: 'api' }));
  const flags = { tokenFile: join(dir, 'shared') };
  expect(await diagnose(flags)).toContain('the token is for the proxy "api", this one is "web"');
  write('web.token', jwt({ Name: 'web' }));
  expect(await diagnose(flags)).toBe('');
});

test('a token is looked at without a proxy, too, as far as that goes', async () => {
  const tokenFile = join(dir, 'shared');
  write('shared', '');
  const patient = await aPatient({
    flags: { tokenFile, mesh: 'shop' },
    readText: async () => jwt({ Name: 'api', Mesh: 'default' }),
  });
  expect(textOf(await tokenCheck.run(patient, new AbortController().signal))).toMatch(
    /^error: the token is for the mesh "default", this proxy is in "shop"; .*--mesh shop --name NAME [^\n]*$/,
  );
});

async function diagnose(flags: Readonly<Record<string, string>> = {}): Promise<string> {
  const patient = await aPatient({
    flags: { dataplaneFile: [dir], ...flags },
    isDirectory: () => true,
    readText: async (path) => (path.endsWith('shared') ? jwt({ Name: 'api' }) : ''),
  });
  expect(patient.violations).toEqual([]);
  return textOf(await tokenCheck.run(patient, new AbortController().signal));
}

function write(name: string, text: string): void {
  writeFileSync(join(dir, name), text, { mode: 0o600 });
}

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', kid: '1' })}.${part(claims)}.${'c2ln'.repeat(8)}`;
}
