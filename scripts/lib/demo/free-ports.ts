import { createServer } from 'node:net';
import { describePortHolder } from '../../../src/dp/ports/holders.ts';
import type { Endpoint } from './layout.ts';

/** What is wrong with the sockets the demo needs, all of it, in sentences for people. Empty: they are free. */
export async function findPortTroubles(wanted: readonly Endpoint[]): Promise<readonly string[]> {
  const codes = await Promise.all(wanted.map(tryToListen));
  if (codes.includes('EADDRNOTAVAIL')) {
    const address = wanted[codes.indexOf('EADDRNOTAVAIL')]?.address;
    return [`${address} is not an address of this machine; give one of its own with --ip`];
  }
  return wanted.flatMap(({ address, port, use }, index) => {
    const code = codes[index];
    if (code === undefined) return [];
    if (code !== 'EADDRINUSE') return [`port ${port} on ${address}, for ${use}, cannot be used: ${code}`];
    return [
      `port ${port}, for ${use}, is taken by ${describePortHolder(address, port) ?? 'a program that this user may not see'}`,
    ];
  });
}

/** The error code of listening there, undefined when it works. */
function tryToListen({ address, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, address, () => server.close(() => resolve(undefined)));
  });
}
