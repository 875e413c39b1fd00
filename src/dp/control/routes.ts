import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RestartOutcome } from '../hot-restart/requests.ts';
import type { AgentStatus } from './status.ts';

/** What the owner of the private directory may ask of an agent, besides whether it is ready. */
export interface ControlActions {
  status(): AgentStatus;
  /** Resolves when the hand-over is done or was refused. */
  restart(cause: string): Promise<RestartOutcome>;
  drain(cause: string): void;
  /** A second time: at once. */
  stop(cause: string): void;
  /** Ends the agent and leaves Envoy; the agent ends soon after it agreed. */
  detach(): RestartOutcome;
}

/** Answers on the agent's socket only; false for a path that is not of these. Nothing sent by the caller is read. */
export function answerControl(
  actions: ControlActions,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const { method, url } = request;
  const send = (status: number, body: unknown) =>
    response
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(`${JSON.stringify(body)}\n`);
  switch (`${method} ${url}`) {
    case 'GET /status':
      send(200, actions.status());
      return true;
    case 'POST /restart':
      void actions.restart('kuma-dp restart').then((outcome) => send(outcome.ok ? 200 : 409, outcome));
      return true;
    case 'POST /drain':
      actions.drain('kuma-dp drain');
      send(202, { ok: true, text: 'draining' });
      return true;
    case 'POST /stop':
      actions.stop('kuma-dp stop');
      send(202, { ok: true, text: 'stopping' });
      return true;
    case 'POST /detach': {
      const outcome = actions.detach();
      send(outcome.ok ? 202 : 409, outcome);
      return true;
    }
    default:
      return false;
  }
}
