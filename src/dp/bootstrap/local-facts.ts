import { mergeTrees } from '../../bootstrap/merge.ts';
import type { JsonObject } from '../../lib/json.ts';

/**
 * Puts what is another in each run into a bootstrap of an earlier run, as a control plane would have: the real kuma-cp
 * sends no configuration to a node whose readiness port is missing, and one with the wrong port does not work.
 */
export function withLocalFacts(
  bootstrap: JsonObject,
  { readinessPort, workdir }: { readonly readinessPort: number; readonly workdir: string },
): JsonObject {
  return mergeTrees(bootstrap, {
    node: { metadata: { 'dataplane.readinessReporter.port': String(readinessPort), workdir } },
  });
}
