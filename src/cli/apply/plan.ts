import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Violation } from '../../lib/violations.ts';
import { type ReadResource, readResource } from '../../model/read-resource.ts';
import { findTypeByName } from '../../model/registry.ts';
import type { SourceDocument } from './documents.ts';

/** A document that passed all checks of this side. */
export interface PlannedResource {
  readonly kind: 'resource';
  readonly read: ReadResource;
  /** What is sent: the document in today's shape, with fields this version does not know still in it. */
  readonly body: JsonObject;
  readonly warnings: readonly string[];
  readonly document: SourceDocument;
}

/** A document that cannot be applied. */
export interface RefusedDocument {
  readonly kind: 'refused';
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
  readonly document: SourceDocument;
}

/** Checks one document; `mesh` is where a document goes that names none. */
export function planDocument(document: SourceDocument, mesh: string): PlannedResource | RefusedDocument {
  const { body, syntaxError } = document;
  if (syntaxError !== undefined) return refuse(document, `not YAML: ${syntaxError}`);
  if (
    isJsonObject(body) &&
    body.type === undefined &&
    body.kind !== undefined &&
    body.apiVersion !== undefined
  ) {
    return refuse(
      document,
      'this is a document for Kubernetes; here it begins with type, mesh and name instead of apiVersion and kind',
    );
  }
  const { spec: read, violations, warnings } = readResource(body, { defaultMesh: mesh });
  if (read === undefined || !isJsonObject(body)) return { kind: 'refused', violations, warnings, document };
  return { kind: 'resource', read, body: toSend(body, read), warnings, document };
}

/** The resource as it would be stored, without what the control plane adds. */
export function toStoredDocument({ type, key, labels, spec }: ReadResource): JsonObject {
  const fields = type.toJson(spec);
  return {
    type: key.type,
    ...(key.mesh === '' ? {} : { mesh: key.mesh }),
    name: key.name,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(type.shape === 'spec' ? { spec: fields } : fields),
  };
}

// Not `toStoredDocument`: a control plane newer than this program knows fields that are dropped there.
function toSend(body: JsonObject, { key }: ReadResource): JsonObject {
  const today = findTypeByName(key.type)?.translate?.(body).body ?? body;
  return key.mesh === '' ? today : { ...today, mesh: key.mesh };
}

function refuse(document: SourceDocument, message: string): RefusedDocument {
  return { kind: 'refused', violations: [{ field: '', message }], warnings: [], document };
}
