import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { allocatePort, NO_NAME } from '../../support/ports.ts';
import { createKumactl } from '../../support/run-kumactl.ts';
import { standStill } from '../../support/stand-still.ts';
import { startDouble } from './double.ts';

const ADD =
  'start one with "kuma-cp run" or name another with "kumactl config control-planes add --name NAME --address URL"';

/** A TCP server with a given behaviour per connection. */
async function startTcp(onConnection: (socket: Socket) => void): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a control plane that cannot be reached', () => {
  test('because nothing listens is told in one line with what to do', async () => {
    const url = `http://127.0.0.1:${await allocatePort()}`;
    await using kumactl = await createKumactl(url);
    for (const line of ['get meshes', 'inspect dataplanes', 'delete mesh x']) {
      expect(await kumactl.sh(line)).toEqual({
        code: 1,
        stdout: '',
        stderr: `Error: cannot reach control plane "local" at ${url}: connection refused, nothing listens there; ${ADD}\n`,
      });
    }
  });

  test('because its name does not resolve', async () => {
    await using kumactl = await createKumactl(`http://${NO_NAME}:5681`);
    const { code, stderr } = await kumactl.sh('get meshes');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Error: cannot reach control plane "local" at http:\/\/no-such-host\.\.invalid:5681: the host name (does not resolve|cannot be resolved now).*\n$/,
    );
  });

  test('because it says nothing is given up after --api-timeout', async () => {
    await using silent = await startTcp(() => {});
    await using kumactl = await createKumactl(`http://127.0.0.1:${silent.port}`);
    const { code, stderr } = await kumactl.sh('get meshes --api-timeout 200ms');
    expect(code).toBe(1);
    expect(stderr).toBe(
      `Error: cannot reach control plane "local" at http://127.0.0.1:${silent.port}: no answer within 200ms; check it, or wait longer with --api-timeout\n`,
    );
  });

  test('is not given up for a time in which kumactl itself stood still', async () => {
    await using double = await startDouble(() => {
      // Of the same process: kumactl sent its request and cannot read the answer.
      standStill(700);
      return [200, { total: 0, items: [], next: null }];
    });
    await using kumactl = await createKumactl(double.url);
    expect(await kumactl.sh('get meshes --api-timeout 300ms')).toMatchObject({ code: 0, stderr: '' });
  });

  test('because it stops in the middle of its answer', async () => {
    await using half = await startTcp((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"items":')),
    );
    await using kumactl = await createKumactl(`http://127.0.0.1:${half.port}`);
    const { code, stderr } = await kumactl.sh('get meshes');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Error: cannot reach control plane "local" at .*: the connection was closed before the answer was complete;.*\n$/,
    );
  });

  test('because it speaks something else than HTTP', async () => {
    await using other = await startTcp((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n')));
    await using kumactl = await createKumactl(`http://127.0.0.1:${other.port}`);
    expect((await kumactl.sh('get meshes')).stderr).toContain(
      'what answered does not speak HTTP; use https:// for the TLS port (5682)\n',
    );
  });

  test('because it has no TLS on that port', async () => {
    await using plain = await startDouble();
    await using kumactl = await createKumactl(plain.url.replace('http:', 'https:'));
    expect((await kumactl.sh('get meshes')).stderr).toMatch(
      /: the TLS handshake failed, the port may have no TLS; use http:\/\/ for the plain port \(5681\)\n$/,
    );
  });

  test('leaves kumactl version usable', async () => {
    await using silent = await startTcp((socket) => socket.destroy());
    await using kumactl = await createKumactl(`http://127.0.0.1:${silent.port}`);
    const { code, stdout, stderr } = await kumactl.sh('version');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Client: Kuma \S+\n$/) });
    expect(stderr).toMatch(/^Unable to connect to control plane: cannot reach control plane "local"/);
  });
});

describe('a control plane that misbehaves', () => {
  const LIST = { total: 0, items: [], next: null };

  test('and is not Kuma is told by its status and first words', async () => {
    await using other = await startDouble(() => [502, '<h1>Bad \u001b[2JGateway</h1>'], [502, 'x']);
    await using kumactl = await createKumactl(other.url);
    const { code, stderr } = await kumactl.sh('get meshes');
    expect(code).toBe(1);
    expect(stderr).toContain(
      `Error: GET ${other.url}/meshes was answered with HTTP status 502: <h1>Bad \ufffd[2JGateway</h1>\n`,
    );
    expect(stderr).toContain("WARNING: Failed to retrieve server version, can't check compatibility: ");
  });

  test.each([[[200, 'text']], [[200, '[]']], [[200, { items: 5 }]]] as const)(
    'and answers %j is told not to be one',
    async (reply) => {
      await using other = await startDouble(() => reply);
      await using kumactl = await createKumactl(other.url);
      expect((await kumactl.sh('get meshes')).stderr).toMatch(
        /^Error: control plane "local" at .* answered with .*; is .* a control plane\?\n$/,
      );
    },
  );

  test('and whose pages never end is left', async () => {
    await using other = await startDouble(({ url }) => [
      200,
      { ...LIST, next: `http://elsewhere${url.split('?')[0]}?offset=1` },
    ]);
    await using kumactl = await createKumactl(other.url);
    expect((await kumactl.sh('inspect dataplanes')).stderr).toContain(
      'pages that never end (offset 1 came twice)',
    );
  });

  test('and redirects is told with where to', async () => {
    await using other = await startDouble(() => [302, {}]);
    await using kumactl = await createKumactl(other.url);
    expect((await kumactl.sh('get meshes')).stderr).toContain(
      `Error: ${other.url}/meshes redirects to nowhere; add the control plane with`,
    );
  });

  test('and gives "next" with an address of its own is still asked at ours', async () => {
    await using other = await startDouble(({ url }) => {
      const isSecond = url.includes('offset=7');
      return [
        200,
        {
          total: 2,
          items: [{ name: isSecond ? 'b' : 'a' }],
          next: isSecond ? null : 'http://10.255.255.1:1/x?size=1000&offset=7',
        },
      ];
    });
    await using kumactl = await createKumactl(other.url);
    expect((await kumactl.sh('inspect dataplanes')).stdout.match(/^ +([ab]) /gm)).toHaveLength(2);
  });

  test('in its version only is used all the same', async () => {
    await using slow = await startDouble(() => [200, LIST], 'silence');
    await using kumactl = await createKumactl(slow.url);
    const { code, stdout, stderr } = await kumactl.sh('get meshes --api-timeout 300ms');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'NAME   mTLS   LOCALITY   ZONEEGRESS   AGE\n' });
    expect(stderr).toMatch(
      /^WARNING: Failed to retrieve server version, can't check compatibility: .*no answer within 300ms.*\n$/,
    );
  });

  test('by another version is warned of, and not for commands that do not need it', async () => {
    await using other = await startDouble(() => [200, LIST], [200, { product: 'Kuma', version: '9.9.9' }]);
    await using kumactl = await createKumactl(other.url);
    const { stderr } = await kumactl.sh('get meshes');
    expect(stderr).toMatch(
      /^WARNING: You are using kumactl version \S+ for Kuma, but the server returned version: Kuma 9\.9\.9\n$/,
    );
    expect((await kumactl.sh('config view')).stderr).toBe('');
    expect((await kumactl.sh('version')).stderr).toBe('');
    expect((await kumactl.sh('version')).stdout).toContain('Server: Kuma 9.9.9\n');
  });

  test('by a violation of a field the document has is told with its line, and of one it has not without a crash', async () => {
    const problem = {
      title: 'Could not process a resource',
      detail: 'Resource is not valid',
      invalid_parameters: [
        { field: 'name', reason: 'is taken' },
        { field: 'x.y', reason: 'is odd' },
      ],
    };
    await using other = await startDouble(() => [400, problem]);
    await using kumactl = await createKumactl(other.url);
    const { code, stderr } = await kumactl.sh('apply', { stdin: 'type: Mesh\nname: m\n' });
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error: resource type="Mesh" mesh="" name="m": failed server side: Could not process a resource (Resource is not valid)\n' +
        '* name: is taken (stdin:2:1)\n* x.y: is odd (stdin:1:1)\n',
    );
  });
});

describe('what is sent', () => {
  test("is today's shape of an old document, with the fields this version does not know", async () => {
    await using double = await startDouble(() => [201, {}]);
    await using kumactl = await createKumactl(double.url);
    const stdin =
      'type: Dataplane\nname: dp\nfuture: {a: 1}\nnetworking:\n  inbound:\n  - interface: 10.0.0.1:81:80\n    tags: {service: web}\n';
    expect((await kumactl.sh('apply', { stdin })).code).toBe(0);
    expect(double.calls()).toEqual(['PUT /meshes/default/dataplanes/dp']);
    const sent = JSON.parse(double.seen.find(({ method }) => method === 'PUT')?.body ?? '');
    expect(sent).toMatchObject({
      type: 'Dataplane',
      mesh: 'default',
      name: 'dp',
      future: { a: 1 },
      networking: {
        address: '10.0.0.1',
        inbound: [{ port: 81, servicePort: 80, tags: { 'kuma.io/service': 'web' } }],
      },
    });
  });

  test("stays below the path of the control plane's address, each name encoded", async () => {
    await using double = await startDouble();
    await using kumactl = await createKumactl(`${double.url}/kuma/`);
    await kumactl.run(['get', 'dataplane', 'a/../b c', '-m', 'm?x']);
    expect(double.calls()).toContain('GET /kuma/meshes/m%3Fx/dataplanes/a%2F..%2Fb%20c');
  });

  test('is shown with --log-level debug', async () => {
    await using double = await startDouble(() => [200, { items: [] }]);
    await using kumactl = await createKumactl(double.url);
    expect((await kumactl.sh('get meshes --log-level debug')).stderr).toContain(
      `DEBUG GET ${double.url}/meshes: 200\n`,
    );
  });

  test('is nothing when a flag makes no sense', async () => {
    await using double = await startDouble();
    await using kumactl = await createKumactl(double.url);
    const errors: [string, string][] = [
      ['get meshes --api-timeout 5', '--api-timeout is "5", but must be a duration'],
      ['get meshes --api-timeout 0s', '--api-timeout is "0s", but must be a duration'],
      ['get meshes --log-level loud', '--log-level is "loud", but must be off, info or debug'],
      ['get meshes --compat 0.2', '--compat is "0.2", but must be 0.1 or 2.14'],
      ['get meshes --nope', 'unknown option "--nope"'],
      ['get', 'missing required argument "type"'],
      ['nope', 'unknown command "nope"'],
      ['delete mesh', 'missing required argument "name"'],
      ['inspect dataplanes --tag x', '--tag is "x", but must be KEY=VALUE'],
      ['get meshes --context nope', 'there is no context with name "nope"; known: local'],
    ];
    for (const [line, text] of errors) {
      const { code, stdout, stderr } = await kumactl.sh(line);
      expect({ code, stdout, stderr }, line).toEqual({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(`Error: ${text}`),
      });
    }
    expect((await kumactl.sh('get meshes', { env: { KUMACTL_COMPAT: 'x' } })).stderr).toContain(
      'Error: KUMACTL_COMPAT is "x"',
    );
    expect(double.calls()).toEqual([]);
  });
});
