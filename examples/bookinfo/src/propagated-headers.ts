import type { IncomingHttpHeaders } from 'node:http';

// What a service hands on to those it calls: trace context, so that a mesh can join the spans, and who asks. All other
// headers end here.
const PROPAGATED = [
  'x-request-id',
  'x-ot-span-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'traceparent',
  'tracestate',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'sw8',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
];

/** The headers to send on, as they came in. */
export function propagatedHeaders(
  incoming: IncomingHttpHeaders,
  also: readonly string[] = [],
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of [...PROPAGATED, ...also]) {
    const value = incoming[name];
    if (value !== undefined) headers[name] = String(value);
  }
  return headers;
}
