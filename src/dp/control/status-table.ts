import { formatDuration } from '../../lib/duration.ts';
import type { AgentStatus } from './status.ts';

const HEADERS = ['MESH', 'NAME', 'STATE', 'FOR', 'ENVOY', 'PID', 'EPOCH', 'RESTARTS', 'DETAIL'];

export interface TableOptions {
  readonly print: (line: string) => void;
  /** Wall time in ms. */
  readonly now: number;
  /** Also the control plane in use, and the log of the last crash. */
  readonly detailed: boolean;
}

/** Agents as a table for people. */
export function printStatusTable(
  statuses: readonly AgentStatus[],
  { print, now, detailed }: TableOptions,
): void {
  const rows = [HEADERS, ...statuses.map((status) => toRow(status, now))];
  const widths = HEADERS.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  for (const row of rows) {
    print(
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
  const controlPlane = detailed ? (statuses[0]?.controlPlane ?? '') : '';
  if (controlPlane !== '') {
    print('');
    print(`control plane: ${controlPlane}`);
  }
  const handOver = detailed ? statuses[0]?.lastHandOver : undefined;
  if (handOver !== undefined) {
    const { at, cause, ok, reason } = handOver;
    print('');
    print(`last hand-over: ${at}, ${cause}: ${ok ? '' : 'refused: '}${reason}`);
  }
  const crash = detailed ? statuses[0]?.crashes.at(-1) : undefined;
  if (crash === undefined) return;
  print('');
  print(`last crash: ${crash.at}, after ${formatDuration(crash.ranMs)}: ${crash.reason}`);
  for (const line of crash.log) print(`  ${line}`);
}

function toRow(status: AgentStatus, now: number): string[] {
  const { mesh, name, state, since, envoy, pid, epoch, restarts, envoys, reason } = status;
  const others = envoys
    .filter((e) => e.pid !== pid)
    .map((e) => `epoch ${e.epoch} (pid ${e.pid}) ${e.epoch > epoch ? 'starts' : 'ends'}`);
  const age = Math.max(0, Math.floor((now - Date.parse(since)) / 1000)) * 1000;
  return [
    ...[mesh, name, state, formatDuration(age), envoy.version || '-'],
    ...[pid === 0 ? '-' : String(pid), pid === 0 ? '-' : String(epoch), String(restarts)],
    [reason, ...others].filter((text) => text !== '').join('; '),
  ];
}
