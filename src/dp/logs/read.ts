import { type IncomingMessage, request } from 'node:http';
import { LOGS_PATH } from './routes.ts';

export interface ReadLogsOptions {
  readonly socketPath: string;
  /** Before the path of the logs on that socket. */
  readonly base?: string;
  readonly lines: number;
  /** Goes on until the agent ends or the signal comes. */
  readonly follow: boolean;
  /** What it returns is awaited: who takes its time is sent less. */
  readonly onText: (text: string) => unknown;
  readonly signal?: AbortSignal;
}

/** Reads the log of an agent; resolves at its end. Rejects when the agent does not answer, or is one without logs. */
export function readLogs(options: ReadLogsOptions): Promise<void> {
  const { socketPath, base = '', lines, follow, onText, signal } = options;
  const path = `${base}${LOGS_PATH}?lines=${lines}&follow=${follow}`;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        path,
        headers: { host: 'localhost' },
        agent: false,
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => readText(response, onText).then(resolve, reject),
    );
    outgoing.once('error', reject);
    outgoing.end();
  });
}

async function readText(response: IncomingMessage, onText: ReadLogsOptions['onText']): Promise<void> {
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`it answers ${response.statusCode} to ${LOGS_PATH}; is it an older agent?`);
  }
  response.setEncoding('utf8');
  try {
    for await (const text of response as AsyncIterable<string>) await onText(text);
  } catch (error) {
    // Cut off in the middle: the agent ended, or was killed.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}
