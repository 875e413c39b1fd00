import type { ResourceKey } from '../../model/resource.ts';
import type { ResourceReader } from '../resources/rules.ts';
import { type Answer, notFound } from './problem.ts';

/** Title of the answer where not the resource but its mesh is missing. */
export const MESH_TITLE = 'Failed to retrieve Mesh';

export async function hasMesh(reader: ResourceReader, name: string): Promise<boolean> {
  return (await reader.get({ type: 'Mesh', mesh: '', name })) !== undefined;
}

/** The 404 for a resource that is not there; `title` where its mesh is. */
export async function absent(reader: ResourceReader, key: ResourceKey, title: string): Promise<Answer> {
  return notFound(key.mesh === '' || (await hasMesh(reader, key.mesh)) ? title : MESH_TITLE);
}
