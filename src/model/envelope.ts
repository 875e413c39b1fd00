import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { formatKri } from './kri.ts';
import { checkLabel } from './label-rules.ts';
import { checkMeshField, checkName } from './name-rules.ts';
import { findTypeByName } from './registry.ts';
import type { Labels, Parsed, Resource, ResourceType } from './resource.ts';
import { map } from './shape/compound.ts';
import { deepFreeze } from './shape/freeze.ts';
import { describeValue, Notes } from './shape/notes.ts';
import { text } from './shape/shape.ts';

/** A document taken apart: what every resource has, and the fields that are its type's own. */
export interface Envelope {
  readonly type: ResourceType;
  /** '' for types of global scope. */
  readonly mesh: string;
  readonly name: string;
  readonly labels: Labels;
  /** All other fields, or what stands under `spec`; still the caller's objects. */
  readonly fields: JsonObject;
}

export interface EnvelopeOptions {
  /** Mesh of a document that names none; without it such a document is refused. */
  readonly defaultMesh?: string;
}

const ENVELOPE_FIELDS = ['type', 'mesh', 'name', 'labels'];
/** Written by the control plane; a document that was read from it may bring them back. */
const SERVER_FIELDS = ['creationTime', 'modificationTime', 'kri', 'status'];

export function parseEnvelope(body: JsonObject, options: EnvelopeOptions = {}): Parsed<Envelope> {
  const { envelope, notes } = takeEnvelope(body, options);
  return {
    spec: notes.violations.empty ? envelope : undefined,
    violations: notes.violations.list,
    warnings: notes.warnings(),
  };
}

/** As `parseEnvelope`, but with an envelope as soon as the type is known, so that the fields can be read in any case. */
export function takeEnvelope(
  body: JsonObject,
  options: EnvelopeOptions,
): { readonly envelope: Envelope | undefined; readonly notes: Notes } {
  const notes = new Notes();
  const type = readType(body, notes);
  const name = readText(body, 'name', notes);
  if (name !== undefined) checkName(name, notes, type?.maxNameLength);
  const mesh = readMesh(body, type, { notes, ...options });
  const labels = readLabels(body, notes);
  const fields = type === undefined ? {} : readFields(body, type, notes);
  const envelope = type === undefined ? undefined : { type, mesh, name: name ?? '', labels, fields };
  return { envelope, notes };
}

/** A resource as the REST API shows it. Spec fields never hide those of the envelope. */
export function toRest(resource: Resource): JsonObject {
  const { key, labels, creationTime, modificationTime } = resource;
  const type = findTypeByName(key.type);
  const spec = type?.toJson(resource.spec) ?? (isJsonObject(resource.spec) ? resource.spec : {});
  const kri = formatKri(resource);
  const envelope = {
    type: key.type,
    ...(key.mesh === '' ? {} : { mesh: key.mesh }),
    name: key.name,
    creationTime,
    modificationTime,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(kri === undefined ? {} : { kri }),
  };
  return type?.shape === 'spec' ? { ...envelope, spec } : { ...envelope, ...spec };
}

function readType(body: JsonObject, notes: Notes): ResourceType | undefined {
  const name = readText(body, 'type', notes);
  if (name === undefined) return undefined;
  const type = findTypeByName(name);
  if (name === '') notes.violate('type', 'cannot be empty');
  else if (type === undefined) notes.violate('type', `invalid resource type "${name}"`);
  return type;
}

interface MeshContext extends EnvelopeOptions {
  readonly notes: Notes;
}

function readMesh(
  body: JsonObject,
  type: ResourceType | undefined,
  { notes, defaultMesh = '' }: MeshContext,
): string {
  const given = readText(body, 'mesh', notes);
  if (given === undefined || type === undefined) return '';
  if (type.scope === 'global') {
    if (given !== '') notes.warn('mesh', `ignored: a ${type.name} does not belong to a mesh`);
    return '';
  }
  const mesh = given === '' ? defaultMesh : given;
  checkMeshField(mesh, notes);
  return mesh;
}

/** '' when it is not given, undefined after a violation. */
function readText(body: JsonObject, field: string, notes: Notes): string | undefined {
  const value = Object.hasOwn(body, field) ? (body[field] ?? '') : '';
  if (typeof value === 'string') return value;
  text.read(value, field, notes);
  return undefined;
}

function readLabels(body: JsonObject, notes: Notes): Labels {
  const given = Object.hasOwn(body, 'labels') ? body.labels : undefined;
  if (given === undefined || given === null) return Object.freeze({});
  const labels = map(text).read(given, 'labels', notes);
  for (const [key, value] of Object.entries(labels)) checkLabel(key, value, notes);
  return deepFreeze(labels);
}

function readFields(body: JsonObject, type: ResourceType, notes: Notes): JsonObject {
  const known = [...ENVELOPE_FIELDS, ...SERVER_FIELDS];
  const rest = Object.fromEntries(Object.entries(body).filter(([name]) => !known.includes(name)));
  if (type.shape === 'inline') return rest;
  const { spec, ...others } = rest;
  for (const name of Object.keys(others)) notes.warn(name, 'unknown field, ignored');
  if (isJsonObject(spec)) return spec;
  notes.violate(
    'spec',
    spec === undefined ? 'cannot be empty' : `must be an object, got ${describeValue(spec)}`,
  );
  return {};
}
