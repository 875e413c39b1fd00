import type { Clock } from '../../lib/clock.ts';
import { connectGrpc } from '../relay/grpc/client.ts';
import type { RelayTarget } from '../relay/target.ts';

const CONNECT_TIMEOUT_MS = 3_000;

/** Resolves when one of the endpoints speaks HTTP/2 within its time; nothing stays open. */
export async function probeGrpc({ endpoints }: RelayTarget, clock: Clock): Promise<void> {
  let last: unknown = new Error('there is no endpoint');
  for (const endpoint of endpoints) {
    try {
      const connection = await connectGrpc(endpoint, {
        clock,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        onClose: () => {},
      });
      connection.close();
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
