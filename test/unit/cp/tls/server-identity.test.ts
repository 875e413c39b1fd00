import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { TlsError } from '../../../../src/cp/tls/errors.ts';
import { ensureServerIdentity, type ServerIdentity } from '../../../../src/cp/tls/server-identity.ts';
import { generateKeyPem } from '../../../../src/crypto/keys.ts';
import { createCaCertificate, issueServerCertificate } from '../../../../src/crypto/x509.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { silentLogger } from '../../../../src/lib/logger.ts';

const DAY_MS = 24 * 3_600_000;
const scratch = mkdtempSync(join(tmpdir(), 'kuma-tls-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let workDir = '';
let now = 0;
let count = 0;
beforeEach(() => {
  workDir = join(scratch, `${count++}`, 'work');
  now = Date.now();
});

const local = { names: ['localhost'], addresses: ['127.0.0.1', '::1'] };
const ensure = (more: { names?: string[]; addresses?: string[] } = {}): Promise<ServerIdentity> =>
  ensureServerIdentity({
    workDir,
    ...local,
    ...more,
    clock: { ...systemClock, now: () => now },
    logger: silentLogger,
  });
const read = (file: string): string => readFileSync(join(workDir, file), 'utf8');
const put = (file: string, content: string): void => {
  mkdirSync(workDir, { recursive: true });
  writeFileSync(join(workDir, file), content);
};
const snapshot = () =>
  Object.fromEntries(
    readdirSync(workDir)
      .sort()
      .map((file) => [file, read(file)]),
  );

/** Text of the error of a client that trusts `caPem` and calls the server by `name`; undefined when it is content. */
async function call(
  identity: ServerIdentity,
  { caPem, name }: { caPem: string; name: string },
): Promise<string | undefined> {
  const server = createServer({ cert: identity.certPem, key: identity.keyPem }, (socket) => socket.end());
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((done) => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        ca: caPem,
        servername: /^[\d.]+$/.test(name) ? '' : name,
      });
      // Node checks an IP address under the name it connected to, so another one has to be asked for by hand.
      socket.on('secureConnect', () => {
        const refused = /^[\d.]+$/.test(name) && socket.getPeerX509Certificate()?.checkIP(name) === undefined;
        done(refused ? 'address not in certificate' : undefined);
        socket.destroy();
      });
      socket.on('error', (error) => done(error.message));
    });
  } finally {
    await new Promise((done) => server.close(done));
  }
}

describe('the first start', () => {
  test('makes a CA and a certificate a client that trusts the CA accepts, under its names only', async () => {
    const identity = await ensure();
    const caPem = read('ca.crt');
    expect(identity.caPem).toBe(caPem);
    expect(await call(identity, { caPem, name: '127.0.0.1' })).toBeUndefined();
    expect(await call(identity, { caPem, name: 'localhost' })).toBeUndefined();
    expect(await call(identity, { caPem, name: 'other.example' })).toMatch(/does not match certificate/);
    expect(await call(identity, { caPem, name: '127.0.0.2' })).toBe('address not in certificate');
  });

  test('makes something a client that trusts another CA refuses', async () => {
    const keyPem = generateKeyPem();
    const other = await createCaCertificate({ commonName: 'other', keyPem, nowMs: now, lifetimeMs: DAY_MS });
    expect(await call(await ensure(), { caPem: other, name: 'localhost' })).toMatch(/unable to (get|verify)/);
  });

  test('keeps keys from others, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      await ensure();
    } finally {
      process.umask(umask);
    }
    const modes = ['.', 'ca.key', 'kuma-cp.key'].map((file) =>
      (statSync(join(workDir, file)).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(['700', '600', '600']);
    expect(readdirSync(workDir).sort()).toEqual(['ca.crt', 'ca.key', 'kuma-cp.crt', 'kuma-cp.key']);
  });

  test('gives the CA ten years and the certificate one', async () => {
    const identity = await ensure();
    expect(new X509Certificate(identity.caPem).validToDate.getTime()).toBeGreaterThan(now + 3640 * DAY_MS);
    expect(identity.notAfter.getTime()).toBeGreaterThan(now + 364 * DAY_MS);
    expect(identity.notAfter.getTime()).toBeLessThan(now + 366 * DAY_MS);
  });

  test('of two control planes at once ends with the same files for both', async () => {
    const identities = await Promise.all([ensure(), ensure(), ensure()]);
    for (const identity of identities) {
      expect(identity.caPem).toBe(read('ca.crt'));
      expect(await call(identity, { caPem: read('ca.crt'), name: 'localhost' })).toBeUndefined();
    }
  });

  test('that was cut short after a key is completed by the next one', async () => {
    put('ca.key', generateKeyPem());
    const caKey = read('ca.key');
    const first = await ensure();
    expect(read('ca.key')).toBe(caKey);
    rmSync(join(workDir, 'kuma-cp.crt'));
    const second = await ensure();
    expect(second.keyPem).toBe(first.keyPem);
    expect(await call(second, { caPem: second.caPem, name: 'localhost' })).toBeUndefined();
  });
});

describe('a later start', () => {
  test('changes no file when nothing changed', async () => {
    await ensure({ names: ['localhost', 'cp.example'] });
    const before = snapshot();
    now += 100 * DAY_MS;
    expect((await ensure()).certPem).toBe(before['kuma-cp.crt']);
    expect(snapshot()).toEqual(before);
  });

  test.each([
    ['a name', { names: ['localhost', 'cp.example'] }],
    ['an address', { addresses: ['127.0.0.1', '10.1.2.3'] }],
    ['an address among the names', { names: ['localhost', '10.1.2.3'] }],
  ])(
    'issues the certificate again when %s is new, from the same CA and for the same key',
    async (_what, more) => {
      const first = await ensure();
      const second = await ensure(more);
      expect(second.certPem).not.toBe(first.certPem);
      expect([second.caPem, second.keyPem]).toEqual([first.caPem, first.keyPem]);
      expect(read('kuma-cp.crt')).toBe(second.certPem);
      const certificate = new X509Certificate(second.certPem);
      expect(certificate.checkHost('cp.example') ?? certificate.checkIP('10.1.2.3')).toBeDefined();
    },
  );

  test('issues it again when less than a third of its life is left', async () => {
    const first = await ensure();
    now += 240 * DAY_MS;
    expect((await ensure()).certPem).toBe(first.certPem);
    now += 10 * DAY_MS;
    const second = await ensure();
    expect(second.certPem).not.toBe(first.certPem);
    expect(second.notAfter.getTime()).toBeGreaterThan(now + 364 * DAY_MS);
  });

  test('issues it again when the CA was replaced, and makes a CA when both its files were moved away', async () => {
    const first = await ensure();
    rmSync(join(workDir, 'ca.crt'));
    rmSync(join(workDir, 'ca.key'));
    const second = await ensure();
    expect(second.caPem).not.toBe(first.caPem);
    expect(await call(second, { caPem: second.caPem, name: 'localhost' })).toBeUndefined();
  });

  test('issues it again when the key of the server is gone or another one', async () => {
    await ensure();
    rmSync(join(workDir, 'kuma-cp.key'));
    const second = await ensure();
    expect(await call(second, { caPem: second.caPem, name: 'localhost' })).toBeUndefined();
    put('kuma-cp.key', generateKeyPem());
    const third = await ensure();
    expect(await call(third, { caPem: second.caPem, name: 'localhost' })).toBeUndefined();
  });

  test('takes a key back from others', async () => {
    await ensure();
    chmodSync(join(workDir, 'ca.key'), 0o644);
    await ensure();
    expect((statSync(join(workDir, 'ca.key')).mode & 0o777).toString(8)).toBe('600');
  });

  test('ten years on says that the CA expired and what to do', async () => {
    await ensure();
    now += 3651 * DAY_MS;
    await expect(ensure()).rejects.toThrow(/expired at .*; move ca.crt and ca.key away/);
  });
});

describe('files that are not ours, or broken', () => {
  const refuses = async (message: RegExp, code: string): Promise<void> => {
    const before = snapshot();
    const error: unknown = await ensure().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TlsError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(snapshot()).toMatchObject(before);
  };

  test('a CA without its key is refused', async () => {
    await ensure();
    rmSync(join(workDir, 'ca.key'));
    await refuses(/ca\.key".* is missing/, 'invalid');
    expect(existsSync(join(workDir, 'ca.key'))).toBe(false);
  });

  test.each([
    ['ca.crt', 'garbage', /not a certificate in PEM/],
    ['ca.crt', '', /not a certificate in PEM/],
    ['ca.key', 'garbage', /not an ECDSA P-256 private key/],
    ['ca.key', generateKeyPem(), /is not the key of/],
  ])('a CA whose %s holds something else is refused', async (file, content, message) => {
    await ensure();
    put(file, content);
    await refuses(message, 'invalid');
  });

  test('a CA file that is a server certificate is refused', async () => {
    const { certPem, keyPem } = await ensure();
    put('ca.crt', certPem);
    put('ca.key', keyPem);
    await refuses(/not the certificate of a CA/, 'invalid');
  });

  test('a stray ca.key that is no key of ours is refused', async () => {
    put(
      'ca.key',
      generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    );
    await refuses(/not a key this control plane made/, 'foreign');
  });

  test('a server certificate of another program is left alone, and the message says how to use it', async () => {
    const keyPem = generateKeyPem();
    const ca = {
      keyPem,
      certPem: await createCaCertificate({ commonName: 'elsewhere', keyPem, nowMs: now, lifetimeMs: DAY_MS }),
    };
    const request = {
      ca,
      commonName: 'x',
      keyPem,
      dnsNames: ['localhost'],
      addresses: [],
      nowMs: now,
      lifetimeMs: DAY_MS,
    };
    put('kuma-cp.crt', await issueServerCertificate(request));
    put('kuma-cp.key', keyPem);
    await refuses(
      /kuma-cp\.crt" was not issued by this control plane; to use it, set general\.tlsCertFile/,
      'foreign',
    );
  });

  test('a server certificate that is garbage, or a key that is, is left alone', async () => {
    await ensure();
    const good = read('kuma-cp.crt');
    put('kuma-cp.crt', 'garbage');
    await refuses(/not a certificate in PEM/, 'foreign');
    put('kuma-cp.crt', good);
    put('kuma-cp.key', 'garbage');
    await refuses(/not a key this control plane made/, 'foreign');
  });

  test('a work directory that can not be made is named', async () => {
    mkdirSync(scratch, { recursive: true });
    writeFileSync(join(scratch, `file-${count}`), '');
    workDir = join(scratch, `file-${count}`, 'work');
    await expect(ensure()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(workDir),
    });
  });
});
