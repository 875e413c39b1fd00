import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeError } from '../../lib/coded-error.ts';
import { inTime } from '../client/in-time.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';

/** Text to apply and where it came from: `stdin`, a path or a URL, as given. */
export interface Source {
  readonly from: string;
  readonly text: string;
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_REDIRECTS = 5;

/**
 * Reads what `-f` names, in the order given: a file, a directory (its *.yaml, *.yml and *.json sorted, not those
 * below), a URL, or `-` for stdin. Without any `-f`, stdin if something is piped into it, as in 0.1.
 */
export async function readSources(
  context: CliContext,
  files: readonly string[],
  timeoutMs: number,
): Promise<Source[]> {
  if (files.length === 0 && context.stdin.isTTY === true) {
    throw new CliError(
      'usage',
      'nothing to apply: name a file with -f FILE, or pipe YAML into "kumactl apply -f -"',
    );
  }
  const sources: Source[] = [];
  for (const file of files.length === 0 ? ['-'] : files) {
    if (file === '-') sources.push({ from: 'stdin', text: await readAll(context.stdin) });
    else if (/^https?:\/\//i.test(file))
      sources.push({ from: file, text: await readUrl(context, file, timeoutMs) });
    else sources.push(...(await readPath(context, file)));
  }
  return sources;
}

async function readAll(stdin: CliContext['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BYTES) throw tooLarge('stdin');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readPath({ workDir }: CliContext, path: string): Promise<Source[]> {
  const absolute = resolve(workDir, path);
  try {
    const info = await stat(absolute);
    if (!info.isDirectory()) {
      if (info.size > MAX_BYTES) throw tooLarge(path);
      return [{ from: path, text: await readFile(absolute, 'utf8') }];
    }
    const names = (await readdir(absolute)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
    if (names.length === 0)
      throw new CliError('input', `directory ${path} holds no .yaml, .yml or .json file`);
    return await Promise.all(
      names.map(async (name) => ({
        from: join(path, name),
        text: await readFile(join(absolute, name), 'utf8'),
      })),
    );
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError('input', `cannot read ${path}: ${describeError(cause)}`, { cause });
  }
}

async function readUrl({ send }: CliContext, text: string, timeoutMs: number): Promise<string> {
  let url = toUrl(text);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const request = { method: 'GET', url, headers: { accept: '*/*' } } as const;
    const { status, header, body } = await inTime(timeoutMs, (signal) => send({ ...request, signal })).catch(
      (cause: unknown) => {
        throw new CliError('input', `cannot read ${url}: ${describeError(cause)}`, { cause });
      },
    );
    if (status >= 200 && status < 300) return body;
    const location = header('location');
    if (status < 300 || status >= 400 || location === undefined)
      throw new CliError('input', `cannot read ${url}: HTTP status ${status}`);
    const next = toUrl(location, url);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new CliError(
        'insecure',
        `cannot read ${url}: it redirects from TLS to ${next.origin}, which has none`,
      );
    }
    url = next;
  }
  throw new CliError('input', `cannot read ${text}: more than ${MAX_REDIRECTS} redirects`);
}

function toUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href)) throw new CliError('input', `"${text}" is not a URL`);
  return new URL(text, base);
}

function tooLarge(from: string): CliError {
  return new CliError('input', `${from} is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
}
