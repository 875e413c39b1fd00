import { pino } from 'pino';
import type { Logger } from '../lib/logger.ts';

/** `off` silences all; `text` is for people, `json` one object per line. */
export interface LogOptions {
  readonly level: 'off' | 'error' | 'warn' | 'info' | 'debug';
  readonly format: 'text' | 'json';
  /** Receives whole lines with their newline. */
  readonly write: (line: string) => void;
}

/** The one place that knows pino. Lines are written synchronously, so that none is lost in a crash. */
export function createLogger(name: string, { level, format, write }: LogOptions): Logger {
  const stream = format === 'json' ? { write } : { write: (line: string) => write(toText(line)) };
  const root = pino(
    {
      level: level === 'off' ? 'silent' : level,
      base: { logger: name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    stream,
  );
  return root;
}

const PLAIN = /^[^\s"=\p{Cc}\p{Zl}\p{Zp}]+$/u;

function toText(line: string): string {
  const { level, time, logger, message, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const tail = Object.entries(facts)
    .filter(([, v]) => v !== undefined)
    .map(([k, v]) => ` ${k}=${typeof v === 'string' && PLAIN.test(v) ? v : toOneLine(JSON.stringify(v))}`)
    .join('');
  return `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(logger)} ${toOneLine(String(message))}${tail}\n`;
}

/** Texts of strangers get into messages: they must not begin a line of their own nor steer a terminal. */
function toOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
