import { get } from 'node:http';

/** One GET on a connection of its own, as layer-4 balancing wants it. */
export interface CallResult {
  /** HTTP status, or the error code of a call that got no answer. */
  readonly outcome: number | string;
  readonly body: string;
}

export function call(url: string, timeoutMs = 10_000): Promise<CallResult> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ outcome: response.statusCode ?? 0, body }));
      response.on('error', (error: NodeJS.ErrnoException) =>
        resolve({ outcome: error.code ?? 'ERROR', body }),
      );
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ outcome: error.code ?? 'ERROR', body: '' }),
    );
  });
}

/** Makes `count` calls, a few at a time, and counts them by what `name` makes of each. */
export async function tally(
  url: string,
  count: number,
  name: (result: CallResult) => string,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const key = name(await call(url));
      counts[key] = (counts[key] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return counts;
}
