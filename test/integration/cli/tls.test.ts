import type { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildInfo } from '../../../src/lib/build-info.ts';
import { createKumactl } from '../../support/run-kumactl.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
let caPem = '';
let url = '';
let close = async () => {};

/** A server with a certificate for 127.0.0.1 by a CA of its own, which answers as Kuma without meshes. */
beforeAll(async () => {
  const keys = () =>
    crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
  const [caKeys, serverKeys] = [await keys(), await keys()];
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test CA',
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    ...validity,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    subject: 'CN=cp',
    issuer: ca.subject,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    ...validity,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = x509.PemConverter.encode(
    await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey),
    'PRIVATE KEY',
  );
  caPem = ca.toString('pem');
  const server = createServer({ key, cert: leaf.toString('pem') }, (request, response) => {
    const body =
      request.url === '/'
        ? { product: 'Kuma', version: buildInfo.version }
        : { total: 0, items: [], next: null };
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => new Promise((resolve) => server.close(() => resolve()));
});

afterAll(() => close());

describe('a control plane over TLS', () => {
  test('is not trusted by itself, and the message says how to trust it', async () => {
    await using kumactl = await createKumactl(url);
    const { code, stderr } = await kumactl.sh('get meshes');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Error: .*: its certificate is not signed by a trusted CA; give its CA with .*--ca-cert-file FILE.*\n$/,
    );
  });

  test('is trusted with its CA', async () => {
    await using kumactl = await createKumactl();
    await writeFile(join(kumactl.dir, 'ca.pem'), caPem);
    const added = await kumactl.sh(
      `config control-planes add --name tls --address ${url} --ca-cert-file ca.pem`,
    );
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect((await kumactl.sh('config view')).stdout).toContain(
      `caCertFile: ${join(kumactl.dir, 'ca.pem')}\n`,
    );
    expect(await kumactl.sh('get meshes')).toMatchObject({ code: 0, stderr: '' });
  });

  test('is trusted unseen with --skip-verify, loudly every time', async () => {
    await using kumactl = await createKumactl();
    const loud = /^WARNING: the certificate of control plane "tls" is NOT verified/;
    const added = await kumactl.sh(`config control-planes add --name tls --address ${url} --skip-verify`);
    expect(added).toMatchObject({ code: 0, stderr: expect.stringMatching(loud) });
    expect(await kumactl.sh('get meshes')).toMatchObject({ code: 0, stderr: expect.stringMatching(loud) });
  });

  test('under another name than its certificate has is refused', async () => {
    await using kumactl = await createKumactl();
    await writeFile(join(kumactl.dir, 'ca.pem'), caPem);
    const address = url.replace('127.0.0.1', 'localhost');
    const { code, stderr } = await kumactl.sh(
      `config control-planes add --name tls --address ${address} --ca-cert-file ca.pem`,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/its certificate is for other names than this host; .*; nothing was added/);
  });
});
