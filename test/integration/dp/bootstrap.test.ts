import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchBootstrap } from '../../../src/dp/bootstrap/client.ts';
import type { ControlPlaneTarget } from '../../../src/dp/config/agent-config.ts';
import { createControlPlanes } from '../../../src/dp/control-planes/planes.ts';
import { systemResolver } from '../../../src/dp/control-planes/resolve.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { NO_NAME, nobodyAt } from '../../support/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCertificates, type TestCertificates } from './support/certificates.ts';
import { type Answer, bootstrapWith, startControlPlane } from './support/control-plane.ts';

/** Tried again for longer than a test may take: what ends by itself is no matter of time. */
function target(url: string, extra: Partial<ControlPlaneTarget> = {}): ControlPlaneTarget {
  return { url: new URL(url), skipVerify: false, retryBackoffMs: 50, retryMaxMs: 600_000, ...extra };
}

function fetchFrom(to: ControlPlaneTarget, logger = silentLogger, signal = new AbortController().signal) {
  const caCerts: (string | undefined)[] = [];
  const request = (caCert: string | undefined) => {
    caCerts.push(caCert);
    return { mesh: 'default', name: 'a' };
  };
  return { caCerts, result: fetchBootstrap({ target: to, request, logger, signal }) };
}

describe('answers over plain HTTP', () => {
  async function answered(answer: Answer) {
    const cp = await startControlPlane(answer);
    try {
      return { cp, tree: await fetchFrom(target(cp.url)).result };
    } finally {
      await cp.close();
    }
  }

  /** The last word, and after how many attempts. */
  async function failure(status: number, body: string, extra: Partial<ControlPlaneTarget> = {}) {
    const cp = await startControlPlane((_call, response) => void response.writeHead(status).end(body));
    const error = await fetchFrom(target(cp.url, extra)).result.catch((e: unknown) => e);
    await cp.close();
    return { error, attempts: cp.calls.length };
  }

  /** Returns once it was asked for a third time, and nothing was said to be the end of it. */
  async function expectRetries(status: number, body: string) {
    const cp = await startControlPlane((_call, response) => void response.writeHead(status).end(body));
    const stop = new AbortController();
    const { result } = fetchFrom(target(cp.url), silentLogger, stop.signal);
    await Promise.race([result, waitUntil(() => cp.calls.length > 2)]);
    stop.abort('enough');
    await expect(result).rejects.toBe('enough');
    await cp.close();
  }

  test('the bootstrap of today is unpacked and its keys come in one spelling', async () => {
    const { tree, cp } = await answered(
      bootstrapWith({ staticResources: { clusters: [{ connectTimeout: '1s' }] } }),
    );
    expect(tree).toMatchObject({
      node: { id: 'default.a' },
      static_resources: { clusters: [{ connect_timeout: '1s' }] },
    });
    expect(cp.calls[0]?.headers.accept).toBe('application/json');
  });

  test('bare YAML of an older control plane is a bootstrap, too', async () => {
    const { tree } = await answered(
      (_call, response) => void response.end('node: {id: default.a}\nadmin: {}\n'),
    );
    expect(tree).toEqual({ node: { id: 'default.a' }, admin: {} });
  });

  test.each(['', 'hello', '[1]', '{"bootstrap":"%%%"}', '{"bootstrap": 3}', '\u0000\u0001'])(
    'a 200 with %j is no bootstrap and is not asked for again',
    async (body) => {
      const { error, attempts } = await failure(200, body);
      expect(error).toMatchObject({ code: 'bootstrap-unusable' });
      expect(attempts).toBe(1);
    },
  );

  test('a token that the answer says again is in no error and no line', async () => {
    const cp = await startControlPlane(
      (call, response) =>
        void response.writeHead(403).end(`${String(call.body.dataplaneToken)} is not valid`),
    );
    const lines: string[] = [];
    const note = (facts: object, message: string) => void lines.push(`${JSON.stringify(facts)} ${message}`);
    const failures: string[] = [];
    const error = await fetchBootstrap({
      target: target(cp.url),
      request: () => ({ mesh: 'default', name: 'a', dataplaneToken: 'a.secret.token' }),
      logger: { ...silentLogger, warn: note },
      signal: new AbortController().signal,
      // Until the log has told of it.
      mayHeal: ({ message }) => failures.push(message) > 0 && lines.length === 0,
    }).catch((e: unknown) => String(e));
    await cp.close();
    expect(failures.length).toBeGreaterThan(1);
    expect(lines).toHaveLength(1);
    expect([error, ...failures, ...lines].join('\n')).not.toContain('a.secret.token');
    expect(error).toContain('is not valid');
  });

  test('an empty 404 is retried, and the end says to apply the Dataplane first', async () => {
    const { error } = await failure(404, '', { retryMaxMs: 0 });
    expect(error).toMatchObject({
      code: 'dataplane-not-found',
      message: expect.stringContaining('apply the Dataplane first'),
    });
    await expectRetries(404, '');
  });

  test('a Dataplane that appears later is found without another start', async () => {
    const cp = await startControlPlane((_call, response) => void response.writeHead(404).end());
    const { result } = fetchFrom(target(cp.url));
    await waitUntil(() => cp.calls.length > 1);
    cp.answerWith(bootstrapWith());
    expect(await result).toMatchObject({ node: { id: 'default.a' } });
    await cp.close();
  });

  test.each([
    [422, 'mesh: mesh "x" does not exist', 'bootstrap-rejected', 'mesh: mesh "x" does not exist'],
    [400, '', 'bootstrap-rejected', 'refuses the request'],
    [404, '404: Page Not Found', 'control-plane-unreachable', 'another port'],
    [400, 'Client sent an HTTP request to an HTTPS server.', 'control-plane-unreachable', 'https://'],
    [301, '', 'control-plane-unreachable', 'redirects'],
  ])('%i %j ends it at once with a reason', async (status, body, code, text) => {
    const { error, attempts } = await failure(status, body);
    expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
    expect(attempts).toBe(1);
  });

  test('a 503 is retried until time is up', async () => {
    const { error } = await failure(503, 'busy', { retryMaxMs: 400 });
    expect(error).toMatchObject({
      code: 'control-plane-unreachable',
      message: expect.stringContaining('503 busy'),
    });
    await expectRetries(503, 'busy');
  });

  test('an endless answer is cut off', async () => {
    const cp = await startControlPlane((_call, response) => {
      const chunk = 'x'.repeat(1024 * 1024);
      const push = () => void (response.writable && response.write(chunk, push));
      response.on('error', () => {});
      push();
    });
    const error = await fetchFrom(target(cp.url)).result.catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'bootstrap-unusable',
      message: expect.stringContaining('longer than'),
    });
    await cp.close();
  });
});

describe('control planes that cannot be reached', () => {
  test('a refused connection is retried; the end names the address', async () => {
    const url = await nobodyAt();
    await expect(fetchFrom(target(url, { retryMaxMs: 400 })).result).rejects.toMatchObject({
      code: 'control-plane-unreachable',
      message: expect.stringMatching(/nothing listens on 127\.0\.0\.1:\d+.*gave up after \d+ attempts/),
    });
  });

  test('a name that cannot be resolved is told as such', async () => {
    const to = target(`http://${NO_NAME}:5678`, { retryMaxMs: 0 });
    await expect(fetchFrom(to).result).rejects.toMatchObject({
      code: 'control-plane-unreachable',
      message: expect.stringContaining(`${NO_NAME} cannot be resolved`),
    });
  });

  test('waiting for more than a second is explained in the log', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const logger = { ...silentLogger, warn: (_facts: object, message: string) => void lines.push(message) };
    const { result } = fetchFrom(target(await nobodyAt()), logger, stop.signal);
    await Promise.race([result, waitUntil(() => lines.length > 0)]);
    stop.abort('enough');
    await expect(result).rejects.toBe('enough');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('no bootstrap yet: nothing listens');
  });

  test('a server that hangs up in the middle is retried', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"boot'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const last = fetchFrom(target(url, { retryMaxMs: 0 })).result;
    await expect(last).rejects.toMatchObject({ code: 'control-plane-unreachable' });
    const stop = new AbortController();
    const { result } = fetchFrom(target(url), silentLogger, stop.signal);
    await Promise.race([result, waitUntil(() => connections > 2)]);
    stop.abort('enough');
    await expect(result).rejects.toBe('enough');
    server.close();
  });

  test('a stop ends the attempts', async () => {
    const cp = await startControlPlane(() => {});
    const stop = new AbortController();
    const { result } = fetchFrom(target(cp.url), silentLogger, stop.signal);
    await waitUntil(() => cp.calls.length > 0);
    stop.abort('SIGTERM');
    await expect(result).rejects.toBe('SIGTERM');
    await cp.close();
  });
});

describe('TLS', () => {
  let certificates: TestCertificates;
  let url: string;
  let otherName: string;
  const servers: { close(): void }[] = [];

  beforeAll(async () => {
    certificates = await makeCertificates();
    const start = async (pair: { key: string; cert: string }) => {
      const server = createHttpsServer(
        pair,
        (_request, response) => void response.end('node: {id: default.a}\n'),
      );
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return `https://localhost:${(server.address() as AddressInfo).port}`;
    };
    url = await start(certificates.localhost);
    otherName = await start(certificates.elsewhere);
  });

  afterAll(() => {
    for (const server of servers) server.close();
  });

  test('with the CA of the control plane it is trusted, and Envoy is told the same CA', async () => {
    const { result, caCerts } = fetchFrom(target(url, { caCert: certificates.ca }));
    expect(await result).toEqual({ node: { id: 'default.a' } });
    expect(caCerts).toEqual([certificates.ca]);
  });

  test('without a CA a private one is not trusted, at once and with what to do', async () => {
    await expect(fetchFrom(target(url)).result).rejects.toMatchObject({
      code: 'control-plane-untrusted',
      message: expect.stringContaining('--ca-cert-file'),
    });
  });

  test('a pinned fingerprint finds the CA in the chain and verifies with it; another fingerprint is refused', async () => {
    const pinned = fetchFrom(target(url, { caFingerprint: certificates.caFingerprint }));
    expect(await pinned.result).toEqual({ node: { id: 'default.a' } });
    expect(pinned.caCerts[0]?.trim()).toBe(certificates.ca.trim());
    await expect(fetchFrom(target(url, { caFingerprint: 'ab'.repeat(32) })).result).rejects.toMatchObject({
      code: 'control-plane-untrusted',
      message: expect.stringContaining('fingerprint'),
    });
  });

  test('of two with a pinned CA, one that is silent is left soon', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const planes = createControlPlanes({
      given: [`https://127.0.0.1:${port}`, url].map((each) => ({ kind: 'url', url: new URL(each) })),
      ...{ inOrder: true, proxy: 'default/a', resolver: systemResolver, clock: systemClock },
      logger: silentLogger,
    });
    const from = performance.now();
    const bootstrap = await fetchBootstrap({
      ...{ target: target(url, { caFingerprint: certificates.caFingerprint }), planes },
      request: () => ({ mesh: 'default', name: 'a' }),
      logger: silentLogger,
      signal: new AbortController().signal,
    });
    expect(bootstrap).toEqual({ node: { id: 'default.a' } });
    // One that is the only one is waited for for 10 s; of several for 3 s.
    expect(performance.now() - from).toBeLessThan(9_000);
    silent.close();
  });

  test('a pinned CA does not excuse a wrong name', async () => {
    await expect(
      fetchFrom(target(otherName, { caFingerprint: certificates.caFingerprint })).result,
    ).rejects.toMatchObject({
      code: 'control-plane-untrusted',
      message: expect.stringContaining('other names'),
    });
  });

  test('a certificate for another name is refused with both names', async () => {
    await expect(fetchFrom(target(otherName, { caCert: certificates.ca })).result).rejects.toMatchObject({
      code: 'control-plane-untrusted',
      message: expect.stringMatching(/other names.*elsewhere\.test/),
    });
  });

  test('skipping the verification reaches anybody', async () => {
    expect(await fetchFrom(target(otherName, { skipVerify: true })).result).toEqual({
      node: { id: 'default.a' },
    });
  });

  test('https to a port that speaks plain HTTP is told as such', async () => {
    const cp = await startControlPlane();
    await expect(fetchFrom(target(cp.url.replace('http:', 'https:'))).result).rejects.toMatchObject({
      code: 'control-plane-unreachable',
      message: expect.stringContaining('does not speak TLS'),
    });
    await cp.close();
  });
});
