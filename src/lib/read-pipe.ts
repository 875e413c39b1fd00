import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

/** Longest text taken, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * What a pipe gives until its writers have closed it; one that had none yet is waited for. Unlike a read of a file it holds
 * no thread meanwhile, which nobody could call back and the end of the process would wait for. A path such as `/dev/fd/3`
 * is opened anew. undefined: this is no pipe.
 */
export function readPipe(path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFIFO()) {
      closeSync(fd);
      return resolve(undefined);
    }
    const chunks: Buffer[] = [];
    const text = () => Buffer.concat(chunks).toString('utf8');
    // What writers left behind who are gone: nothing would wake up who waits for their end.
    if (drain(fd, chunks) === 'ended' && chunks.length > 0) {
      closeSync(fd);
      return resolve(text());
    }
    let size = 0;
    const pipe = new Socket({ fd, readable: true, writable: false });
    pipe.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_BYTES) pipe.destroy(new Error(`it gives more than ${MAX_BYTES} bytes`));
    });
    pipe.once('error', reject);
    pipe.once('end', () => resolve(text()));
  });
}

/** Takes what is there, at most a pipe's usual content. */
function drain(fd: number, chunks: Buffer[]): 'ended' | 'open' {
  for (let rest = 16; rest > 0; rest--) {
    const chunk = Buffer.alloc(4096);
    try {
      const size = readSync(fd, chunk);
      if (size === 0) return 'ended';
      chunks.push(chunk.subarray(0, size));
    } catch {
      return 'open';
    }
  }
  return 'open';
}
