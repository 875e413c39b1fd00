import { isJsonObject } from '../../lib/json.ts';
import { describeViolations, type Violation } from '../../lib/violations.ts';
import type { InvalidParameter, RestError } from '../../model/rest.ts';

/** What a handler hands to the server: a status and a JSON value. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ProblemOptions {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly parameters?: readonly InvalidParameter[];
  /** Id under which the log has more; given where the answer says little. */
  readonly instance?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The error JSON of 2.14. `details` and `causes` say again what `detail` and `invalid_parameters` say: older
 * kumactl versions read those.
 */
export function problem({ status, title, detail, parameters, instance, headers }: ProblemOptions): Answer {
  const body: RestError = {
    type: '/std-errors',
    status,
    title,
    detail,
    ...(instance === undefined ? {} : { instance }),
    ...(parameters === undefined ? {} : { invalid_parameters: parameters }),
    details: detail,
    ...(parameters === undefined
      ? {}
      : { causes: parameters.map(({ field, reason }) => ({ field, message: reason })) }),
  };
  return { status, body, ...(headers === undefined ? {} : { headers }) };
}

/** `what`: `Could not retrieve a resource`. */
export function notFound(what: string): Answer {
  return problem({ status: 404, title: what, detail: 'Not found' });
}

export function badRequest(detail: string): Answer {
  return problem({ status: 400, title: 'Bad Request', detail });
}

export function invalidResource(title: string, violations: readonly Violation[]): Answer {
  const parameters = violations.map(({ field, message }) => ({ field, reason: message }));
  return problem({ status: 400, title, detail: 'Resource is not valid', parameters });
}

export function methodNotAllowed(detail: string, allow: readonly string[]): Answer {
  return problem({ status: 405, title: 'Method not allowed', detail, headers: { allow: allow.join(', ') } });
}

export function accessDenied(detail: string): Answer {
  return problem({ status: 403, title: 'Access Denied', detail });
}

export function internalError(instance: string): Answer {
  return problem({
    status: 500,
    title: 'Internal Server Error',
    detail: 'the control plane failed to answer; its log has the cause under the instance of this answer',
    instance,
  });
}

/** JSON as 2.14 prints it: indented by one space. */
export function renderJson(body: unknown): string {
  return JSON.stringify(body, undefined, 1);
}

/** One line for the log, undefined when the body is no problem. */
export function describeProblem(body: unknown): string | undefined {
  if (!isJsonObject(body) || body.type !== '/std-errors') return undefined;
  const { title, detail, causes = [] } = body as unknown as RestError;
  const fields = describeViolations(causes.slice(0, 5));
  return `${title}: ${detail}${fields === '' ? '' : ` (${fields})`}`.slice(0, 500);
}
