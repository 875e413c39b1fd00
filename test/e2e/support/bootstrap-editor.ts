import { createServer, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { mergeTrees, toSnakeCaseKeys } from '../../../src/bootstrap/merge.ts';
import type { JsonObject } from '../../../src/lib/json.ts';

/** Stands between agents and the control plane's bootstrap server and changes what it answers. */
export interface BootstrapEditor {
  readonly url: string;
  /** What to lay over the next bootstraps, in protobuf JSON with snake_case. */
  edit(change: Change): void;
  /** How long the next bootstraps are held back; 0 as at the start. */
  slow(ms: number): void;
  close(): void;
}

type Change = (bootstrap: JsonObject) => JsonObject;

export async function startBootstrapEditor(port: number, target: URL): Promise<BootstrapEditor> {
  let change: Change = () => ({});
  let slowMs = 0;
  const server = createServer(async (incoming, outgoing) => {
    try {
      const body = await text(incoming);
      const answer = await forward(new URL(incoming.url ?? '/', target), body);
      if (slowMs > 0) await sleep(slowMs);
      const isBootstrap = incoming.url === '/bootstrap' && answer.status === 200;
      outgoing.writeHead(answer.status, { 'content-type': 'application/json' });
      outgoing.end(isBootstrap ? editReply(answer.body, change) : answer.body);
    } catch {
      outgoing.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    edit(next) {
      change = next;
    },
    slow(ms) {
      slowMs = ms;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function editReply(body: string, change: Change): string {
  // Of today, with the bootstrap inside, or the bare YAML of older agents; keys in either spelling.
  const reply = parse(body) as { bootstrap?: string };
  const inside =
    reply.bootstrap === undefined ? undefined : Buffer.from(reply.bootstrap, 'base64').toString();
  const bootstrap = toSnakeCaseKeys((inside === undefined ? reply : parse(inside)) as JsonObject);
  const edited = JSON.stringify(mergeTrees(bootstrap, change(bootstrap)));
  return inside === undefined
    ? edited
    : JSON.stringify({ ...reply, bootstrap: Buffer.from(edited).toString('base64') });
}

function forward(url: URL, body: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const outgoing = request(url, { method: 'POST', headers, agent: false }, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
