import { mergeTrees } from '../../bootstrap/merge.ts';
import { renderTemplate } from '../../bootstrap/template.ts';
import type { JsonObject } from '../../lib/json.ts';

/** Overlays as texts, read once by the caller. */
export interface OverloadTemplates {
  readonly memory: string;
  readonly connections: string;
}

export interface EnvoyBounds {
  /** undefined: memory is not limited. */
  readonly heapBytes: number | undefined;
  readonly connections: number;
}

/** Gives Envoy its bounds; a bootstrap that brings an overload manager of its own knows better and stays as it is. */
export function boundEnvoy(
  bootstrap: JsonObject,
  { heapBytes, connections }: EnvoyBounds,
  templates: OverloadTemplates,
): JsonObject {
  if (bootstrap.overload_manager !== undefined) return bootstrap;
  const overlay =
    heapBytes === undefined
      ? renderTemplate(templates.connections, { connections })
      : renderTemplate(templates.memory, { heapBytes, connections });
  return mergeTrees(bootstrap, overlay);
}
