import type { IncomingMessage, ServerResponse } from 'node:http';
import { CREW_PROXIES } from '../control/agents.ts';
import type { AgentStatus } from '../control/status.ts';
import type { LogRing } from '../logs/ring.ts';
import { answerLogs } from '../logs/routes.ts';
import type { Member } from './member.ts';

/** What the socket of the whole crew needs. */
export interface CrewView {
  /** All, also those whose agent speaks for itself: who asks both may come just between its start and its end. */
  readonly statuses: () => readonly AgentStatus[];
  /** Ends the process and leaves all Envoys serving. */
  readonly detach: () => { readonly ok: boolean; readonly text: string };
  readonly member: (id: string) => { readonly member: Member; readonly logs: LogRing } | undefined;
}

/**
 * Answers what an agent of its own would, for proxies that have none at the moment: `GET /status`, and below
 * `/proxies/MESH.NAME` the paths of an agent. False for all others.
 */
export function answerCrew(view: CrewView, request: IncomingMessage, response: ServerResponse): boolean {
  const send = (status: number, body: unknown) => {
    response
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(`${JSON.stringify(body)}\n`);
    return true;
  };
  const { method, url = '' } = request;
  if (method === 'GET' && url === '/status') return send(200, view.statuses());
  if (method === 'POST' && url === '/detach') {
    const outcome = view.detach();
    return send(outcome.ok ? 202 : 409, outcome);
  }
  if (!url.startsWith(CREW_PROXIES)) return false;
  const [id, rest] = split(url.slice(CREW_PROXIES.length));
  const found = view.member(id);
  if (found === undefined) return send(404, { ok: false, text: `no proxy ${id} is to run here` });
  request.url = rest;
  if (answerLogs(found.logs, request, response)) return true;
  switch (`${method} ${rest}`) {
    case 'POST /restart':
      void found.member.restart('kuma-dp restart');
      return send(200, { ok: true, text: 'it did not run; it is started' });
    case 'POST /stop':
      found.member.hold('stopped by kuma-dp stop');
      return send(202, { ok: true, text: 'it did not run and is not tried again' });
    case 'POST /drain':
      return send(409, { ok: false, text: 'it does not run' });
    default:
      return send(404, { ok: false, text: 'not found' });
  }
}

function split(path: string): readonly [string, string] {
  const slash = path.indexOf('/');
  return slash < 0 ? [decode(path), ''] : [decode(path.slice(0, slash)), path.slice(slash)];
}

/** As it is where it is no such text: nobody has that name. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
