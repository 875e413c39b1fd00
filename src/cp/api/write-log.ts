import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../../lib/logger.ts';

const READS = new Set(['GET', 'HEAD']);

/** One line for each request that changes something or wanted to: who, what, outcome. Refused reads count too. */
export function logWrite(logger: Logger, request: FastifyRequest, reply: FastifyReply): void {
  if (READS.has(request.method) && reply.statusCode !== 403) return;
  const facts = {
    request: request.id,
    user: request.user?.name,
    peer: request.raw.socket.remoteAddress,
    method: request.method,
    path: request.url.slice(0, 300),
    status: reply.statusCode,
    reason: request.reason,
    ms: Math.round(reply.elapsedTime),
  };
  if (reply.statusCode < 300) logger.info(facts, 'change accepted');
  else if (reply.statusCode === 403) logger.warn(facts, 'request refused');
  else logger.info(facts, 'change not made');
}
