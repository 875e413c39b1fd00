import type { AppCheck } from '../config/agent-config.ts';
import { splitWords } from './words.ts';

export type ParsedCheck =
  | { readonly ok: true; readonly check: AppCheck }
  | { readonly ok: false; readonly message: string };

const FORMS = 'http://HOST:PORT/PATH, tcp://HOST:PORT or exec:COMMAND ARGUMENTS';

/** Reads the text of `--app-health`. The message of a refusal ends the sentence "--app-health: ". */
export function parseAppCheck(text: string): ParsedCheck {
  const kind = /^(http|tcp|exec):/.exec(text)?.[1];
  switch (kind) {
    case 'http':
      return parseHttp(text);
    case 'tcp':
      return parseTcp(text);
    case 'exec':
      return parseExec(text.slice('exec:'.length));
    default:
      return refuse(`must be ${FORMS}, got "${text}"`);
  }
}

function parseHttp(text: string): ParsedCheck {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || !text.startsWith('http://'))
    return refuse(`must be a URL such as http://127.0.0.1:8080/health, got "${text}"`);
  if (url.username !== '' || url.password !== '')
    return refuse('must not hold a user or a password: they would be seen in the list of processes');
  url.hash = '';
  return { ok: true, check: { kind: 'http', url } };
}

function parseTcp(text: string): ParsedCheck {
  // The URL parser knows no default port and no rule for hosts of this scheme; that of http does.
  const url = /^tcp:\/\/[^/?#@]+:\d+\/?$/.test(text)
    ? URL.parse(text.replace(/^tcp:/, 'http:').replace(/\/?$/, '/'))
    : null;
  const port = Number(/:(\d+)\/?$/.exec(text)?.[1]);
  if (url === null || !(port >= 1 && port <= 65535))
    return refuse(`must be an address such as tcp://127.0.0.1:5432, got "${text}"`);
  return { ok: true, check: { kind: 'tcp', host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port } };
}

function parseExec(text: string): ParsedCheck {
  const words = splitWords(text);
  if (words === undefined) return refuse(`has a quote that does not end: ${text}`);
  const [program, ...rest] = words;
  if (program === undefined || program === '')
    return refuse('names no command; write for example exec:/usr/bin/pg_isready -q');
  return { ok: true, check: { kind: 'exec', command: [program, ...rest] } };
}

function refuse(message: string): ParsedCheck {
  return { ok: false, message };
}
