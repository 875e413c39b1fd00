import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { Translated } from '../resource.ts';
import { describeValue } from '../shape/notes.ts';
import { isGiven, TranslationNotes, toTranslated, withField, without } from './edit.ts';

export const MTLS_UNAVAILABLE =
  'mTLS is not available yet: this control plane cannot encrypt the traffic of a mesh';

/**
 * Moves a Mesh of 0.1 to today's shape. `mtls: {enabled: false}` is what a mesh without `mtls` is, so it goes without
 * a word; `enabled: true` is refused, because an unencrypted mesh must not look like an encrypted one.
 */
export function translateMesh(body: JsonObject): Translated {
  const notes = new TranslationNotes();
  const out = translateLogging(translateMtls(body, notes), notes);
  return toTranslated(out, notes);
}

function translateMtls(body: JsonObject, notes: TranslationNotes): JsonObject {
  const { mtls } = body;
  if (!isJsonObject(mtls) || !(Object.hasOwn(mtls, 'enabled') || Object.hasOwn(mtls, 'ca'))) return body;
  const { enabled } = mtls;
  if (enabled === true) {
    notes.refuse('mtls.enabled', MTLS_UNAVAILABLE);
    return body;
  }
  if (isGiven(mtls, 'enabled') && enabled !== false) {
    notes.refuse('mtls.enabled', `must be true or false, got ${describeValue(enabled)}`);
    return body;
  }
  return dropIfEmpty(body, 'mtls', without(mtls, 'enabled', 'ca'));
}

// `accessLogs` of 0.1 is one file for the whole mesh: today's default backend.
function translateLogging(body: JsonObject, notes: TranslationNotes): JsonObject {
  const { logging } = body;
  if (!isJsonObject(logging) || !isJsonObject(logging.accessLogs)) return body;
  const { enabled, filePath } = logging.accessLogs;
  const rest = without(logging, 'accessLogs');
  if (enabled !== true) return dropIfEmpty(body, 'logging', rest);
  if (isGiven(rest, 'backends') || isGiven(rest, 'defaultBackend')) {
    notes.refuse('logging.accessLogs', 'cannot be mixed with "backends" or "defaultBackend"');
    return body;
  }
  const path: Json = filePath ?? '/tmp/access.log';
  const backend = { name: 'file', type: 'file', conf: { path } };
  return withField(body, 'logging', { ...rest, defaultBackend: 'file', backends: [backend] });
}

function dropIfEmpty(body: JsonObject, name: string, section: JsonObject): JsonObject {
  return Object.keys(section).length === 0 ? without(body, name) : withField(body, name, section);
}
