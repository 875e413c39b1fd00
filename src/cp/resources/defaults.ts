import type { JsonObject } from '../../lib/json.ts';
import { describeViolations } from '../../lib/violations.ts';
import { ResourceError } from './errors.ts';
import type { ResourceManager } from './manager.ts';

const DEFAULT_MESH = { type: 'Mesh', name: 'default' } as const;

/**
 * Makes the mesh `default` when there is none, at each start. `document` is the configured one, in either dialect
 * (`defaults.mesh` of 0.1); a mesh that exists is never touched.
 */
export async function ensureDefaultMesh(
  manager: ResourceManager,
  document: JsonObject = DEFAULT_MESH,
): Promise<void> {
  if ((await manager.get({ ...DEFAULT_MESH, mesh: '' })) !== undefined) return;
  const outcome = await manager.put({ body: { ...document, ...DEFAULT_MESH }, expected: DEFAULT_MESH });
  if (outcome.kind === 'created' || outcome.kind === 'updated') return;
  const why = outcome.kind === 'invalid' ? describeViolations(outcome.violations) : outcome.kind;
  throw new ResourceError('default-mesh', `mesh "default" could not be created: ${why}`);
}
