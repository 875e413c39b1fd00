import type { JsonObject } from '../lib/json.ts';
import type { Violation } from '../lib/violations.ts';
import type { Labels } from './resource.ts';

/** A page of a list. */
export interface RestList<Item = JsonObject> {
  /** Of all pages together. */
  readonly total: number;
  readonly items: readonly Item[];
  /** Absolute URL of the next page, null on the last. */
  readonly next: string | null;
}

export interface InvalidParameter {
  readonly field: string;
  readonly reason: string;
  readonly rule?: string;
  readonly choices?: readonly string[];
}

/** Body of every answer that is no 2xx. */
export interface RestError {
  readonly type: '/std-errors';
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly instance?: string;
  readonly invalid_parameters?: readonly InvalidParameter[];
  /** The same as `detail` and `invalid_parameters`, for clients older than these. */
  readonly details?: string;
  readonly causes?: readonly Violation[];
}

/** Answer to PUT and DELETE; `warnings` is left out when there are none. */
export interface RestWritten {
  readonly warnings?: readonly string[];
}

/** Answer to `GET /`. */
export interface RestIndex {
  readonly hostname: string;
  readonly product: string;
  readonly version: string;
  readonly instanceId: string;
  readonly clusterId: string;
  readonly gui?: string;
}

/** A proxy with what the control plane knows of its connection. */
export interface DataplaneOverview {
  readonly type: 'DataplaneOverview';
  readonly mesh: string;
  readonly name: string;
  readonly creationTime: string;
  readonly modificationTime: string;
  readonly labels?: Labels;
  /** The Dataplane's. */
  readonly kri?: string;
  /** The Dataplane's spec. */
  readonly dataplane: JsonObject;
  /** Absent for a proxy that never connected. */
  readonly dataplaneInsight?: JsonObject;
}

/** The error that 2.14 gives for these facts, with the older twins of its fields. */
export function toRestError(
  status: number,
  title: string,
  facts: { readonly detail: string; readonly violations?: readonly Violation[]; readonly instance?: string },
): RestError {
  const { detail, violations = [], instance } = facts;
  return {
    type: '/std-errors',
    status,
    title,
    detail,
    ...(instance === undefined ? {} : { instance }),
    ...(violations.length === 0
      ? {}
      : { invalid_parameters: violations.map(({ field, message }) => ({ field, reason: message })) }),
    details: detail,
    ...(violations.length === 0 ? {} : { causes: violations }),
  };
}
