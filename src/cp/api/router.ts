import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { User } from './access.ts';
import { type Answer, describeProblem, methodNotAllowed, renderJson } from './problem.ts';

/** One request as handlers see it: no framework, no socket. */
export interface Call {
  readonly id: string;
  readonly user: User;
  readonly params: Readonly<Record<string, string>>;
  /** Absolute URL under which the caller reached this server. */
  readonly url: URL;
  readonly body: Uint8Array | undefined;
}

type Handler = (call: Call) => Answer | Promise<Answer>;

/** Handlers of one path by method. */
export type PathHandlers = Readonly<Partial<Record<'GET' | 'PUT' | 'DELETE', Handler>>>;

declare module 'fastify' {
  interface FastifyRequest {
    user: User;
    /** Why nothing was changed, for the log. */
    reason: string | undefined;
  }
}

/** Serves a path; every other method on it is answered with 405. HEAD is GET without its body. */
export function servePath(app: FastifyInstance, path: string, handlers: PathHandlers): void {
  const allow: string[] = [];
  for (const [method, handler] of Object.entries(handlers)) {
    allow.push(...(method === 'GET' ? ['GET', 'HEAD'] : [method]));
    app.route({
      method: method as HTTPMethods,
      url: path,
      handler: async (request, reply) => sendAnswer(reply, await handler(toCall(request))),
    });
  }
  const others = app.supportedMethods.filter((method) => !allow.includes(method));
  app.route({
    method: others as HTTPMethods[],
    url: path,
    handler: (request, reply) =>
      sendAnswer(
        reply,
        methodNotAllowed(`${request.method} is not possible here; possible: ${allow.join(', ')}`, allow),
      ),
  });
}

export function sendAnswer(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
  reply.request.reason = describeProblem(body);
  return reply
    .code(status)
    .headers({ ...headers, 'content-type': 'application/json' })
    .send(Buffer.from(renderJson(body)));
}

function toCall(request: FastifyRequest): Call {
  return {
    id: request.id,
    user: request.user,
    params: request.params as Record<string, string>,
    // Taken as relative, a path that begins with two slashes would name a host.
    url: new URL(`${request.protocol}://${request.headers.host ?? 'localhost'}${request.url}`),
    body: request.body as Uint8Array | undefined,
  };
}
