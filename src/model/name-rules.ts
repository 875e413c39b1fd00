import type { Notes } from './shape/notes.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const MAX_NAME_LENGTH = 253;
export const MAX_MESH_NAME_LENGTH = 63;

const SUBDOMAIN_MESSAGE =
  "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " +
  'and must start and end with an alphanumeric character';

/** The name of a resource. */
export function checkName(name: string, notes: Notes, maxLength = MAX_NAME_LENGTH): void {
  if (name === '') notes.violate('name', 'cannot be empty');
  else if (name.length > maxLength) notes.violate('name', `must not be longer than ${maxLength} characters`);
  else if (!SUBDOMAIN.test(name)) notes.violate('name', SUBDOMAIN_MESSAGE);
}

/** The mesh that a resource belongs to; meshes of old may have `_` in their names. */
export function checkMeshField(mesh: string, notes: Notes): void {
  if (mesh === '') notes.violate('mesh', 'cannot be empty');
  else if (mesh.length > MAX_MESH_NAME_LENGTH) {
    notes.violate('mesh', `must not be longer than ${MAX_MESH_NAME_LENGTH} characters`);
  } else if (!SUBDOMAIN.test(mesh.replaceAll('_', '-'))) notes.violate('mesh', SUBDOMAIN_MESSAGE);
}
