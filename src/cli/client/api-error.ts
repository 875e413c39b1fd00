import { isJsonObject, type Json } from '../../lib/json.ts';
import type { Violation } from '../../lib/violations.ts';
import { CliError } from '../errors.ts';
import { toPrintable } from '../output/printable.ts';
import type { HttpResponse } from './http.ts';

/** A control plane's refusal: 2.14's error document, read leniently. */
export class ApiError extends CliError {
  readonly status: number;
  readonly violations: readonly Violation[];

  constructor(status: number, message: string, violations: readonly Violation[]) {
    super('refused', message, { details: violations.map(describeViolation) });
    this.status = status;
    this.violations = violations;
  }
}

/** `TITLE (DETAIL)` with a line `* field: message` for each violation; other bodies show their status and beginning. */
export function toApiError(response: HttpResponse, request: string): ApiError {
  const body = parseJson(response.body);
  if (!isJsonObject(body) || typeof body.title !== 'string') {
    const start = toPrintable(response.body.trim().slice(0, 200));
    const text = `${request} was answered with HTTP status ${response.status}`;
    return new ApiError(response.status, start === '' ? text : `${text}: ${start}`, []);
  }
  const detail = [body.detail, body.details].find((d) => typeof d === 'string' && d !== '');
  const title = toPrintable(body.title);
  const message = typeof detail === 'string' ? `${title} (${toPrintable(detail)})` : title;
  return new ApiError(response.status, message, readViolations(body.invalid_parameters, body.causes));
}

/** JSON or undefined. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** `* field: message`, the way both sides' violations are printed. */
export function describeViolation({ field, message }: Violation): string {
  return field === '' ? `* ${toPrintable(message)}` : `* ${toPrintable(field)}: ${toPrintable(message)}`;
}

/** `invalid_parameters` with `reason`, or its older twin `causes` with `message`. */
function readViolations(parameters: Json | undefined, causes: Json | undefined): Violation[] {
  const entries = Array.isArray(parameters) && parameters.length > 0 ? parameters : causes;
  if (!Array.isArray(entries)) return [];
  return entries.filter(isJsonObject).map((entry) => ({
    field: String(entry.field ?? ''),
    message: String(entry.reason ?? entry.message ?? ''),
  }));
}
