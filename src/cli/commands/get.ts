import type { JsonObject } from '../../lib/json.ts';
import type { ResourceType } from '../../model/resource.ts';
import type { Page, Path, Query } from '../client/control-plane-client.ts';
import { CliError } from '../errors.ts';
import { findColumns } from '../output/columns/by-type.ts';
import { type OutputFormat, printData } from '../output/format.ts';
import { readText } from '../output/read.ts';
import { formatTable } from '../output/table.ts';
import { requireType, toItemPath, toListPath } from '../resource-paths.ts';
import type { Session } from '../session.ts';

export interface GetOptions {
  readonly output: OutputFormat;
  /** Items of a page; the control plane's own (100) when absent. */
  readonly size?: string;
  readonly offset?: string;
}

export interface GetTarget {
  /** Any word for the type. */
  readonly word: string;
  /** All of the type when undefined. */
  readonly name: string | undefined;
}

/** `kumactl get TYPES` and `kumactl get TYPE NAME`. */
export async function runGet(
  session: Session,
  { word, name }: GetTarget,
  options: GetOptions,
): Promise<void> {
  const type = requireType(word);
  if (name !== undefined) return await getOne(session, { type, name, output: options.output });
  if (word !== type.plural && word === type.singular) {
    throw new CliError(
      'usage',
      `the name is missing: "kumactl get ${word} NAME" shows one, "kumactl get ${type.plural}" lists all`,
    );
  }
  await getMany(session, type, options);
}

interface One {
  readonly type: ResourceType;
  readonly name: string;
  readonly output: OutputFormat;
}

async function getOne(
  { client, mesh, compat, context }: Session,
  { type, name, output }: One,
): Promise<void> {
  const item = await client.find(toItemPath(type, { mesh, name }));
  if (item === undefined) {
    throw new CliError(
      'not-found',
      type.scope === 'mesh' ? `No resources found in ${mesh} mesh` : 'No resources found',
    );
  }
  if (output !== 'table') return await printData(context.stdout, output, item);
  context.stdout.write(formatTable(findColumns(type, compat), [item], context.now()));
}

async function getMany(session: Session, type: ResourceType, options: GetOptions): Promise<void> {
  const { client, mesh, compat, context } = session;
  const path = toListPath(type, mesh);
  const list =
    compat === '0.1' ? await readInOrderOfCreation(session, path) : await client.page(path, toQuery(options));
  if (options.output !== 'table') return await printData(context.stdout, options.output, list.body);
  context.stdout.write(formatTable(findColumns(type, compat), list.items, context.now()));
  if (list.next !== undefined) {
    context.stdout.write(`Rerun command with --offset=${list.next} argument to retrieve more resources\n`);
  }
}

/**
 * The view of 0.1, which knew no pages: everything, oldest first and the mesh every control plane begins with before
 * all. Ours sorts on request; one that does not know the parameter sorts by name, so the times decide here too.
 */
async function readInOrderOfCreation({ client }: Session, path: Path): Promise<Page> {
  const items = await client.all(path, [['order', 'creation']]);
  const isDefault = (item: JsonObject) => Number(item.type === 'Mesh' && item.name === 'default');
  const time = (item: JsonObject) => Date.parse(readText(item, 'creationTime')) || 0;
  const sorted = items.toSorted((a, b) => isDefault(b) - isDefault(a) || time(a) - time(b));
  return { body: { items: sorted }, items: sorted, next: undefined };
}

function toQuery({ size, offset }: GetOptions): Query {
  const query: [string, string][] = [];
  if (size !== undefined) query.push(['size', parseCount('--size', size)]);
  if (offset !== undefined) query.push(['offset', parseCount('--offset', offset)]);
  return query;
}

function parseCount(flag: string, text: string): string {
  if (/^\d{1,9}$/.test(text)) return text;
  throw new CliError('usage', `${flag} is "${text}", but must be a whole number`);
}
