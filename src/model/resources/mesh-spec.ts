import type { JsonObject } from '../../lib/json.ts';

/** Mesh of 2.14. Sections that have no effect yet are kept as they were written. */
export interface MeshSpec {
  readonly mtls?: JsonObject;
  readonly logging?: JsonObject;
  readonly tracing?: JsonObject;
  readonly metrics?: JsonObject;
  readonly networking?: JsonObject;
  readonly routing?: JsonObject;
  readonly constraints?: JsonObject;
  readonly skipCreatingInitialPolicies?: readonly string[];
  readonly meshServices?: JsonObject;
}
