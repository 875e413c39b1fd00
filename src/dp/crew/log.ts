import type { LogSink } from '../../lib/log-sink.ts';
import type { Logger } from '../../lib/logger.ts';
import { createLogger } from '../../logging/create-logger.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import { createLogRing, keepLines, type LogRing } from '../logs/ring.ts';

/** Where the lines of one proxy go: those of its agent and those of its Envoy. */
export interface MemberLog {
  readonly logger: Logger;
  readonly sink: LogSink;
  readonly logs: LogRing;
}

/** Each of many keeps less than one alone would. */
const LIMITS = { maxLines: 1_000, maxLength: 128 * 1024 };

/** Each line says which proxy it is about, and each proxy has its own last lines. */
export function openMemberLog(id: string, log: AgentConfig['log'], shared: LogSink): MemberLog {
  const logs = createLogRing(LIMITS);
  const kept = keepLines(shared, logs);
  const root = createLogger('kuma-dp', { ...log, write: (line) => kept.write(line) });
  return {
    logger: root.child({ proxy: id }),
    sink: { write: (line) => kept.write(nameLine(line, id)), flush: (timeoutMs) => kept.flush(timeoutMs) },
    logs,
  };
}

/** Puts the proxy into a line of Envoy, in either format. */
export function nameLine(line: string, id: string): string {
  if (line.startsWith('envoy ')) return `envoy ${id} ${line.slice('envoy '.length)}`;
  return line.startsWith('{') ? `{"proxy":${JSON.stringify(id)},${line.slice(1)}` : line;
}
