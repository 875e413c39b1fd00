import { mkdtempSync, rmSync, statSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ClientStream, connectGrpc, type GrpcConnection } from '../../../src/dp/relay/grpc/client.ts';
import { toFrame } from '../../../src/dp/relay/grpc/frame.ts';
import { type GrpcServer, type ServerStream, startGrpcServer } from '../../../src/dp/relay/grpc/server.ts';
import type { StreamEnd } from '../../../src/dp/relay/grpc/status.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { standStill } from '../../support/stand-still.ts';
import { until } from '../dp/support/agent.ts';
import { makeCertificates } from '../dp/support/certificates.ts';

const PATH = '/test.Echo/Talk';
const same = (bytes: Buffer) => bytes;
const METHOD = {
  path: PATH,
  requestStream: true as const,
  responseStream: true as const,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
type Call = grpc.ServerDuplexStream<Buffer, Buffer>;

let dir: string;
const closers: (() => void | Promise<void>)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'relay-grpc-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(dir, { recursive: true, force: true });
});

async function ourServer(
  onMessage: (message: Buffer, stream: ServerStream) => void,
  limit?: number,
): Promise<GrpcServer> {
  const server = await startGrpcServer(
    join(dir, 's'),
    (path, stream) =>
      path === PATH
        ? { onMessage: (message) => onMessage(message, stream), onDrain() {}, onClose() {} }
        : undefined,
    limit,
  );
  closers.push(() => server.close());
  return server;
}

function theirClient(path = PATH): grpc.ClientDuplexStream<Buffer, Buffer> {
  const client = new grpc.Client(`unix:${join(dir, 's')}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  closers.push(() => client.close());
  return client.makeBidiStreamRequest(path, same, same).on('error', () => {});
}

async function theirServer(
  talk: (call: Call) => void,
  credentials = grpc.ServerCredentials.createInsecure(),
): Promise<number> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  server.addService({ talk: METHOD }, { talk });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  closers.push(() => server.forceShutdown());
  return port;
}

interface Talk {
  readonly stream: ClientStream;
  readonly received: Buffer[];
  readonly ended: Promise<StreamEnd>;
}

function talk(connection: GrpcConnection, path = PATH, metadata: Record<string, string> = {}): Talk {
  const received: Buffer[] = [];
  let stream: ClientStream | undefined;
  const ended = new Promise<StreamEnd>((resolve) => {
    stream = connection.open(path, metadata, {
      onMessage: (message) => void received.push(message),
      onEnd: resolve,
    });
  });
  if (stream === undefined) throw new Error('no stream');
  return { stream, received, ended };
}

async function dial(
  port: number,
  options: Partial<Parameters<typeof connectGrpc>[1]> & {
    tls?: Parameters<typeof connectGrpc>[0]['tls'];
  } = {},
) {
  const { tls, ...rest } = options;
  const connection = await connectGrpc(
    { host: '127.0.0.1', port, ...(tls === undefined ? {} : { tls }) },
    { clock: systemClock, onClose: () => {}, ...rest },
  );
  closers.push(() => connection.close());
  return connection;
}

describe('our gRPC server, with a grpc-js client', () => {
  test('messages of all sizes come back whole, from a socket only its owner may use', async () => {
    await ourServer((message, stream) => stream.send(message));
    expect(statSync(join(dir, 's')).mode & 0o777).toBe(0o600);
    const call = theirClient();
    const sizes = [0, 1, 5, 70_000, 9_000_000];
    const got: number[] = [];
    call.on('data', (data: Buffer) => got.push(data.length));
    for (const size of sizes) call.write(Buffer.alloc(size, 7));
    await until(
      () => got.length === sizes.length,
      () => String(got),
    );
    expect(got).toEqual(sizes);
    call.end();
    await new Promise((resolve) => call.on('status', resolve));
  });

  test('an unknown method, an own status and a message beyond the limit are told as gRPC statuses', async () => {
    await ourServer((message, stream) => {
      if (message.toString() === 'end') stream.end({ code: 9, message: 'nö: 100 %' });
    }, 1_000);
    const status = (call: grpc.ClientDuplexStream<Buffer, Buffer>) => {
      call.on('error', () => {});
      call.resume();
      return new Promise<grpc.StatusObject>((resolve) => call.on('status', resolve));
    };
    const unknown = theirClient('/test.Echo/Other');
    expect((await status(unknown)).code).toBe(grpc.status.UNIMPLEMENTED);
    const own = theirClient();
    own.write(Buffer.from('end'));
    expect(await status(own)).toMatchObject({ code: 9, details: 'nö: 100 %' });
    const long = theirClient();
    long.write(Buffer.alloc(1_001));
    expect((await status(long)).code).toBe(grpc.status.RESOURCE_EXHAUSTED);
  });

  test('a client that does not read makes the stream unwritable, and writable again when it does', async () => {
    let open: ServerStream | undefined;
    await ourServer((_message, stream) => {
      open = stream;
    });
    const call = theirClient();
    call.pause();
    call.write(Buffer.from('hello'));
    await until(
      () => open !== undefined,
      () => 'no stream',
    );
    let sent = 0;
    for (; open?.writable === true && sent < 1_000; sent++) open.send(Buffer.alloc(256 * 1024));
    expect(sent).toBeLessThan(1_000);
    let got = 0;
    call.on('data', () => got++).resume();
    await until(
      () => got === sent,
      () => `${got} of ${sent}`,
    );
    await until(
      () => open?.writable === true,
      () => 'not writable',
    );
    call.cancel();
  });
});

describe('our gRPC client, with a grpc-js server', () => {
  test('messages and metadata arrive, and the status ends the stream', async () => {
    const port = await theirServer((call) => {
      call.on('data', (data: Buffer) =>
        call.write(Buffer.concat([data, Buffer.from(String(call.metadata.get('authorization')))])),
      );
      call.on('end', () => call.end());
    });
    const { stream, received } = talk(await dial(port), PATH, { authorization: 'secret' });
    stream.send(Buffer.from('a '));
    stream.send(Buffer.alloc(5_000_000));
    await until(
      () => received.length === 2,
      () => String(received.length),
    );
    expect(received[0]?.toString()).toBe('a secret');
    expect(received[1]?.length).toBe(5_000_006);
  });

  test('an error status and an unknown method are told with code and text', async () => {
    const port = await theirServer((call) =>
      call.emit('error', { code: grpc.status.FAILED_PRECONDITION, details: 'no: ü' }),
    );
    const connection = await dial(port);
    expect(await talk(connection).ended).toEqual({ code: 9, message: 'no: ü' });
    expect((await talk(connection, '/test.Echo/Other').ended).code).toBe(12);
  });

  test('a message beyond the limit ends the stream', async () => {
    const port = await theirServer((call) => call.write(Buffer.alloc(2_000)));
    const { ended } = talk(await dial(port, { maxMessageBytes: 1_000 }));
    expect((await ended).code).toBe(8);
  });

  test('TLS is verified: the right CA and name pass, another name or CA does not', async () => {
    const { ca, localhost, elsewhere } = await makeCertificates();
    const secure = ({ key, cert }: { key: string; cert: string }) =>
      grpc.ServerCredentials.createSsl(null, [
        { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
      ]);
    const good = await theirServer(
      (call) => call.on('data', (data: Buffer) => call.write(data)),
      secure(localhost),
    );
    const other = await theirServer(() => {}, secure(elsewhere));
    const tls = { ca, names: ['localhost'], sni: 'localhost', verify: true };
    const { stream, received } = talk(await dial(good, { tls }));
    stream.send(Buffer.from('x'));
    await until(
      () => received.length === 1,
      () => 'nothing',
    );
    await expect(dial(other, { tls })).rejects.toThrow(/does not match|altnames/i);
    await expect(
      dial(good, { tls: { names: ['localhost'], sni: 'localhost', verify: true } }),
    ).rejects.toThrow();
  });

  test('a server that is silent from the start, or falls silent, is given up', async () => {
    const silent = net.createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closers.push(() => void silent.close());
    await expect(dial((silent.address() as net.AddressInfo).port, { connectTimeoutMs: 200 })).rejects.toThrow(
      /in time/,
    );

    const port = await theirServer(() => {});
    let muted = false;
    const proxy = net.createServer((down) => {
      const up = net.connect(port, '127.0.0.1');
      for (const [from, to] of [
        [down, up],
        [up, down],
      ] as const) {
        from.on('data', (data) => void (muted || to.write(data)));
        from.on('error', () => {}).on('close', () => to.destroy());
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => void proxy.close());
    let reason = '';
    const connection = await dial((proxy.address() as net.AddressInfo).port, {
      pingIntervalMs: 50,
      pingTimeoutMs: 200,
      onClose: (text) => {
        reason = text;
      },
    });
    const { ended } = talk(connection);
    muted = true;
    expect((await ended).code).toBe(14);
    await until(
      () => reason !== '',
      () => 'still open',
    );
    expect(reason).toMatch(/did not answer a ping/);
  });

  test('a process that stands still while a ping is under way does not take the server for silent', async () => {
    const port = await theirServer((call) => call.on('data', (data: Buffer) => call.write(data)));
    let stops = 0;
    const proxy = net.createServer((down) => {
      const up = net.connect(port, '127.0.0.1');
      down.on('data', (data) => {
        // Nothing but pings comes by then.
        if (stops > 0 && stops++ <= 2) standStill(400);
        up.write(data);
      });
      up.on('data', (data) => down.write(data));
      for (const [one, other] of [
        [down, up],
        [up, down],
      ] as const)
        one.on('error', () => {}).on('close', () => other.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => void proxy.close());
    let reason = '';
    const connection = await dial((proxy.address() as net.AddressInfo).port, {
      pingIntervalMs: 20,
      pingTimeoutMs: 300,
      onClose: (text) => {
        reason = text;
      },
    });
    stops = 1;
    await until(
      () => stops > 2,
      () => `${stops} ${reason}`,
    );
    const { stream, received } = talk(connection);
    stream.send(Buffer.from('x'));
    await until(
      () => received.length === 1 || reason !== '',
      () => 'nothing',
    );
    expect(reason).toBe('');
  });

  test('a stream whose connection closes or breaks ends as unavailable, with that as its reason', async () => {
    for (const [how, reason] of [
      ['end', 'the control plane closed the connection'],
      ['resetAndDestroy', /ECONNRESET/],
    ] as const) {
      const sockets: net.Socket[] = [];
      const server = http2.createServer().on('stream', (stream) => {
        stream.on('error', () => {}).respond({ ':status': 200, 'content-type': 'application/grpc' });
        stream.write(toFrame(Buffer.from('here')));
      });
      server.on('connection', (socket: net.Socket) => void sockets.push(socket));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => void server.close());
      const { received, ended } = talk(await dial((server.address() as net.AddressInfo).port));
      await until(
        () => received.length === 1,
        () => 'nothing',
      );
      for (const socket of sockets) socket[how]();
      expect(await ended).toEqual({
        code: 14,
        message: typeof reason === 'string' ? reason : expect.stringMatching(reason),
      });
    }
  });

  test('a server that promises success in its first headers is heard, and how it really ends is told', async () => {
    const server = http2.createServer().on('stream', (stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '9' }));
      stream.end(toFrame(Buffer.from('here')));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => void server.close());
    const { received, ended } = talk(await dial((server.address() as net.AddressInfo).port));
    expect((await ended).code).toBe(9);
    expect(received.map(String)).toEqual(['here']);
  });

  test('what is no gRPC at all is told as such', async () => {
    const garbage = net.createServer((socket) =>
      socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await new Promise<void>((resolve) => garbage.listen(0, '127.0.0.1', resolve));
    closers.push(() => void garbage.close());
    await expect(dial((garbage.address() as net.AddressInfo).port)).rejects.toThrow();
  });
});
