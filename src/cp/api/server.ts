import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { StoreError } from '../store/errors.ts';
import { decideAccess, describeUser } from './access.ts';
import type { ApiOptions } from './api-options.ts';
import { callerOf } from './caller.ts';
import { discardBody } from './http-server.ts';
import { createLiveReader } from './live-reader.ts';
import {
  type Answer,
  accessDenied,
  badRequest,
  internalError,
  methodNotAllowed,
  problem,
} from './problem.ts';
import { sendAnswer } from './router.ts';
import { serveGlobalInsight } from './routes/global-insight.ts';
import { serveIndex } from './routes/index-pages.ts';
import { serveOverviews } from './routes/overviews.ts';
import { serveResources } from './routes/resources.ts';
import { logWrite } from './write-log.ts';

/**
 * The REST API of 2.14 as a request handler; `createHttpServer` gives it sockets, plain or TLS. A request passes the
 * access decision before a byte of its body is read. Every answer is JSON, errors are problems, and nothing thrown in
 * here reaches a caller as text.
 */
export interface Api {
  readonly handle: RequestListener;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;
/** Longer than any name that exists, so that a long one is answered with "not found" and not taken for another path. */
const MAX_PARAM_LENGTH = 1024;

export async function createApi(options: ApiOptions): Promise<Api> {
  const { logger } = options;
  const app = fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    genReqId: () => randomUUID(),
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true },
    // An URL that cannot be decoded; it comes here before any hook.
    frameworkErrors: (_error, _request, reply) =>
      sendAnswer(reply as FastifyReply, badRequest('the URL is not valid')),
  });
  takeAnyBody(app);
  guard(app, options);
  // Where the connection ends with the answer, the caller first gets its body off its hands, and can then read why.
  app.addHook('onSend', async (request, reply) => {
    if (reply.getHeader('connection') === 'close') await discardBody(request.raw);
  });
  app.addHook('onResponse', async (request, reply) => logWrite(logger, request, reply));
  app.setNotFoundHandler((request, reply) => answerUnknownPath(request, reply));
  app.setErrorHandler((error: FastifyError, request, reply) => {
    // The rest of a refused body is not read: the connection ends with the answer.
    if (
      request.headers['content-length'] !== undefined ||
      request.headers['transfer-encoding'] !== undefined
    ) {
      reply.header('connection', 'close');
    }
    return sendAnswer(reply, toProblem(error, request, logger));
  });
  serveIndex(app, options);
  const reader = createLiveReader(options);
  serveGlobalInsight(app, reader);
  serveOverviews(app, reader);
  serveResources(app, { manager: options.manager, reader });
  await app.ready();
  return { handle: (request, response) => app.routing(request, response), close: () => app.close() };
}

/** Bodies are JSON whatever they are called: kumactl, curl and scripts name them differently. */
function takeAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

function guard(app: FastifyInstance, { access }: ApiOptions): void {
  app.decorateRequest('user');
  app.decorateRequest('reason', undefined);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    const decision = decideAccess(callerOf(request.raw), access);
    if (decision.kind === 'allowed') {
      request.user = decision.user;
      return;
    }
    reply.header('connection', 'close');
    if (decision.kind === 'read-only')
      return sendAnswer(reply, methodNotAllowed('this control plane is read-only', ['GET', 'HEAD']));
    request.user = decision.user;
    return sendAnswer(
      reply,
      accessDenied(`${describeUser(decision.user)} cannot access this: ${decision.reason}`),
    );
  });
}

/** Plain text: by just these words an agent of 2.14 knows that it asked the API for its bootstrap. */
function answerUnknownPath(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!request.server.supportedMethods.includes(request.method)) {
    const detail = `${request.method} is possible nowhere`;
    return sendAnswer(reply, methodNotAllowed(detail, ['GET', 'HEAD', 'PUT', 'DELETE']));
  }
  return reply.code(404).header('content-type', 'text/plain; charset=utf-8').send('404: Page Not Found');
}

function toProblem(error: FastifyError, request: FastifyRequest, logger: Logger): Answer {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const detail = `the request body is larger than ${MAX_BODY_BYTES} bytes`;
    return problem({ status: 413, title: 'Payload Too Large', detail });
  }
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return problem({ status: error.statusCode, title: 'Bad Request', detail: error.message });
  }
  const facts = {
    request: request.id,
    method: request.method,
    path: request.url.slice(0, 200),
    error: describeError(error),
  };
  if (error instanceof StoreError && (error.code === 'unavailable' || error.code === 'locked')) {
    logger.error(facts, 'the store could not serve a request');
    return problem({
      status: 503,
      title: 'Service Unavailable',
      detail: 'the store is not available',
      instance: request.id,
    });
  }
  logger.error({ ...facts, stack: error.stack }, 'a request failed');
  return internalError(request.id);
}
