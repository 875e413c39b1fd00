import type { Resource, ResourceType } from '../../model/resource.ts';
import type { InvalidParameter, RestList } from '../../model/rest.ts';
import type { ResourceReader } from '../resources/rules.ts';
import { hasMesh, MESH_TITLE } from './absent.ts';
import { parseFilters } from './filters.ts';
import { paginate, parsePage } from './paging.ts';
import { type Answer, notFound, problem } from './problem.ts';
import type { Call } from './router.ts';

const LIST_TITLE = 'Could not retrieve resources';

export interface Listing {
  readonly type: ResourceType;
  /** Across all meshes when undefined. */
  readonly mesh: string | undefined;
  readonly toItem: (resource: Resource) => unknown;
}

/** Answers a list request: filters, order and page of its query. Only the items of the page are converted. */
export async function answerList(
  reader: ResourceReader,
  { type, mesh, toItem }: Listing,
  { url }: Call,
): Promise<Answer> {
  const query = url.searchParams;
  const page = parsePage(query);
  if (page.kind === 'invalid') return invalidQuery(page.detail, page.parameter);
  const filters = parseFilters(type, query);
  if (filters.kind === 'invalid') return invalidQuery('Invalid filter', filters.parameter);
  const order = query.getAll('order').at(-1) ?? '';
  if (order !== '' && order !== 'creation') {
    return invalidQuery('Invalid order', {
      field: 'order',
      reason: 'has to be creation',
      choices: ['creation'],
    });
  }
  if (mesh !== undefined && !(await hasMesh(reader, mesh))) return notFound(MESH_TITLE);
  const all = await reader.list({ type: type.name, ...(mesh === undefined ? {} : { mesh }) });
  const kept = all.filter(filters.keep);
  const list = paginate(order === 'creation' ? [...kept].sort(byCreation) : kept, page.page, url);
  const body: RestList<unknown> = { ...list, items: list.items.map(toItem) };
  return { status: 200, body };
}

/** The order of 0.1, whose mesh `default` is made before all others; names decide within one millisecond. */
function byCreation(a: Resource, b: Resource): number {
  return (
    Number(isDefaultMesh(b)) - Number(isDefaultMesh(a)) ||
    compare(a.creationTime, b.creationTime) ||
    compare(a.key.mesh, b.key.mesh) ||
    compare(a.key.name, b.key.name)
  );
}

function isDefaultMesh({ key }: Resource): boolean {
  return key.type === 'Mesh' && key.name === 'default';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function invalidQuery(detail: string, parameter: InvalidParameter): Answer {
  return problem({ status: 400, title: LIST_TITLE, detail, parameters: [parameter] });
}
