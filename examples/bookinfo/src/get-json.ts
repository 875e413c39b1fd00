import { type Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  /** The parsed body; undefined when it is no JSON. */
  readonly body: unknown;
}

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** For the whole exchange: connecting, waiting and reading. */
  readonly timeoutMs: number;
  /** Connections kept for the next call; without one each call opens its own. */
  readonly agent?: Agent;
}

const MAX_BYTES = 1024 * 1024;

/** One GET. Any status is an answer; no connection, no answer in time or a broken one is an error. No retry. */
export function getJson(url: string, { headers, timeoutMs, agent }: GetOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const call = request(url, { headers, signal, agent: agent ?? false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_BYTES) response.destroy(new Error('the answer is too large'));
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
    });
    call.on('error', (error) =>
      reject(signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error),
    );
    call.end();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
