import { findTypeByWord, resourceTypes } from '../model/registry.ts';
import type { ResourceType } from '../model/resource.ts';
import type { Path } from './client/control-plane-client.ts';
import { CliError } from './errors.ts';

/** Path of a type's list in the REST API; `mesh` is ignored for types of global scope. */
export function toListPath(type: ResourceType, mesh: string): Path {
  return type.scope === 'mesh' ? ['meshes', mesh, type.plural] : [type.plural];
}

export function toItemPath(
  type: ResourceType,
  { mesh, name }: { readonly mesh: string; readonly name: string },
): Path {
  return [...toListPath(type, mesh), name];
}

/** The type a person means by `mesh`, `meshes` or an alias. Throws with all words there are. */
export function requireType(word: string): ResourceType {
  const type = findTypeByWord(word) ?? findTypeByWord(word.toLowerCase());
  if (type !== undefined) return type;
  const words = resourceTypes.filter((t) => !t.readOnly).map((t) => t.singular);
  throw new CliError('usage', `unknown TYPE: ${word}. Allowed values: ${words.sort().join(', ')}`);
}
