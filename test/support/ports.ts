import { createServer, type ListenOptions, type Server } from 'node:net';

// Below the kernel's ephemeral range (32768 and up), so that no outgoing connection takes a port between its choice
// and its use; above the ports of the Bookinfo example.
const FIRST = 20_000;
const LAST = 32_000;

/** Hold the reservations; they end with the process. */
const reservations: Server[] = [];

/**
 * Ports that nobody listens on and that no other test process, of this clone or another, is given while this one
 * lives. A reservation is a socket in the abstract namespace, so a killed test leaves none behind.
 */
export async function allocatePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let attempt = 0; ports.length < count; attempt++) {
    if (attempt > 5_000) throw new Error(`no free port between ${FIRST} and ${LAST}`);
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await tryPort(port)) ports.push(port);
  }
  return ports;
}

/** A host that has no address. With an empty label it is known without a name server, which may be slow, or silent. */
export const NO_NAME = 'no-such-host..invalid';

/** A URL where nobody answers, nor will while this process lives. */
export async function nobodyAt(): Promise<string> {
  return `http://127.0.0.1:${await allocatePort()}`;
}

export async function allocatePort(): Promise<number> {
  const [port] = await allocatePorts(1);
  if (port === undefined) throw new Error('no port allocated');
  return port;
}

async function tryPort(port: number): Promise<boolean> {
  const reservation = await listen({ path: `\0kuma-test-port-${port}` });
  if (reservation === undefined) return false;
  // On all addresses: a port that somebody uses on any of them is left alone.
  const probe = await listen({ port, host: '0.0.0.0' });
  if (probe === undefined) {
    reservation.close();
    return false;
  }
  await new Promise((done) => probe.close(done));
  reservations.push(reservation);
  return true;
}

function listen(where: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(where, () => {
      server.unref();
      resolve(server);
    });
  });
}
