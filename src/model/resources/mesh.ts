import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { defineType } from '../define-type.ts';
import { MTLS_UNAVAILABLE, translateMesh } from '../dialect/mesh.ts';
import { anyObject, list, object } from '../shape/compound.ts';
import { NO_EFFECT, type Notes } from '../shape/notes.ts';
import { flag, kept, type Shape, text } from '../shape/shape.ts';
import type { MeshSpec } from './mesh-spec.ts';

/** Sections that 2.14 gives a meaning and this control plane does not yet. */
const WITHOUT_EFFECT = [
  'logging',
  'tracing',
  'metrics',
  'networking',
  'routing',
  'constraints',
  'meshServices',
] as const;

// Backends keep what stands in them as it was written: its inside depends on their type.
const backends = list(anyObject);

const fields = object<MeshSpec>({
  mtls: asJson(object<MtlsSection>({ enabledBackend: text, skipValidation: flag, backends })),
  logging: asJson(object<DefaultBackend>({ defaultBackend: text, backends })),
  tracing: asJson(object<DefaultBackend>({ defaultBackend: text, backends })),
  metrics: asJson(object<EnabledBackend>({ enabledBackend: text, backends })),
  networking: asJson(
    object<NetworkingSection>({ outbound: object<Passthrough>({ passthrough: kept(flag) }) }),
  ),
  routing: anyObject,
  constraints: anyObject,
  skipCreatingInitialPolicies: list(text),
  meshServices: anyObject,
});

export const meshType = defineType<MeshSpec>({
  name: 'Mesh',
  scope: 'global',
  plural: 'meshes',
  singular: 'mesh',
  shortName: 'm',
  maxNameLength: 63,
  fields,
  check: checkMesh,
  translate: translateMesh,
});

function checkMesh(spec: MeshSpec, notes: Notes): void {
  if (spec.mtls?.enabledBackend !== undefined) notes.violate('mtls.enabledBackend', MTLS_UNAVAILABLE);
  else if (spec.mtls?.backends !== undefined) notes.warn('mtls', NO_EFFECT);
  for (const section of WITHOUT_EFFECT) {
    if (hasContent(spec[section])) notes.warn(section, NO_EFFECT);
  }
}

function hasContent(section: JsonObject | undefined): boolean {
  return section !== undefined && Object.values(section).some((v) => !isJsonObject(v) || hasContent(v));
}

type MtlsSection = { enabledBackend?: string; skipValidation?: boolean; backends?: readonly JsonObject[] };
type DefaultBackend = { defaultBackend?: string; backends?: readonly JsonObject[] };
type EnabledBackend = { enabledBackend?: string; backends?: readonly JsonObject[] };
type Passthrough = { passthrough?: boolean };
type NetworkingSection = { outbound?: Passthrough };

function asJson<T extends JsonObject>(shape: Shape<T>): Shape<JsonObject> {
  return shape;
}
