import { createServer, type Server } from 'node:net';

/** A lock of this host that the kernel drops when its holder dies, however it dies. */
export interface HostLock {
  release(): Promise<void>;
}

/**
 * Takes a lock by name, or undefined when somebody has it. It is an abstract unix socket: Node has no flock. Such
 * sockets have no permissions, so the name holds the user id, and a lock alone proves nothing about its holder.
 */
export async function tryLock(name: string): Promise<HostLock | undefined> {
  const server = createServer((socket) => socket.destroy());
  const taken = await listen(server, `\0kuma-${process.getuid?.() ?? 0}-${name}`);
  if (!taken) return undefined;
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ path, exclusive: true }, () => resolve(true));
  });
}
