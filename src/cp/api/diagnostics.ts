import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';

/**
 * What machines ask a control plane: `/healthy` (the process answers), `/ready` (it can serve) and `/metrics`. No
 * other path exists, nothing can be changed here, and pages of other sites are refused.
 */
export interface DiagnosticsOptions {
  readonly ready: () => boolean;
  /** Made with `createMetricsRegistry`; other parts register their metrics in it. */
  readonly registry: Registry;
  readonly logger: Logger;
}

/** A registry of its own with the metrics of the process in it. */
export function createMetricsRegistry(): Registry {
  const registry = new Registry();
  // The default of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return registry;
}

export function createDiagnostics({ ready, registry, logger }: DiagnosticsOptions): RequestListener {
  const pages: Readonly<Record<string, (response: ServerResponse) => Promise<void> | void>> = {
    '/healthy': (response) => send(response, 200, 'OK\n'),
    '/ready': (response) => (ready() ? send(response, 200, 'OK\n') : send(response, 503, 'not ready\n')),
    '/metrics': async (response) => {
      response.setHeader('content-type', registry.contentType);
      send(response, 200, await registry.metrics());
    },
  };
  return (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (isCrossSite(request)) return send(response, 403, 'requests of web pages are refused\n');
    if (page === undefined) return send(response, 404, 'there are /healthy, /ready and /metrics\n');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return send(response, 405, 'only GET and HEAD are possible\n');
    }
    Promise.resolve(page(response)).catch((error: unknown) => {
      logger.error({ path, error: describeError(error) }, 'a diagnostics page failed');
      send(response, 500, 'failed; the log of the control plane has the cause\n');
    });
  };
}

function send(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  if (!response.hasHeader('content-type')) response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(text);
}

function isCrossSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin !== undefined || (site !== undefined && site !== 'same-origin' && site !== 'none');
}
