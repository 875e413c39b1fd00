import { translateTags } from '../../model/dialect/tags.ts';
import type { Query } from '../client/control-plane-client.ts';
import { CliError } from '../errors.ts';
import { oldOverviewColumns, overviewColumns } from '../output/columns/dataplane-overview.ts';
import { type OutputFormat, printData } from '../output/format.ts';
import { formatTable } from '../output/table.ts';
import type { Session } from '../session.ts';

export interface InspectOptions {
  readonly output: OutputFormat;
  /** `KEY=VALUE` each; several may stand in one, with commas between. */
  readonly tags: readonly string[];
  /** Gateways only. */
  readonly gateway: boolean;
}

/** `kumactl inspect dataplanes`: all proxies of the mesh with the state of their connection, not just a page. */
export async function runInspectDataplanes(
  session: Session,
  { output, tags, gateway }: InspectOptions,
): Promise<void> {
  const { client, mesh, compat, context } = session;
  const query: Query = [
    ...tags
      .flatMap((text) => text.split(','))
      .map((text) => ['tag', toTagFilter(text, compat === '0.1')] as const),
    ...(gateway ? [['gateway', 'true'] as const] : []),
    ...(compat === '0.1' ? [['order', 'creation'] as const] : []),
  ];
  const items = await client.all(['meshes', mesh, 'dataplanes', '_overview'], query);
  if (output !== 'table') {
    const list = compat === '0.1' ? { items } : { total: items.length, items, next: null };
    return await printData(context.stdout, output, list);
  }
  context.stdout.write(
    formatTable(compat === '0.1' ? oldOverviewColumns : overviewColumns, items, context.now()),
  );
}

function toTagFilter(text: string, isOld: boolean): string {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError('usage', `--tag is "${text}", but must be KEY=VALUE`);
  const tag = { [text.slice(0, at)]: text.slice(at + 1) };
  return Object.entries(isOld ? translateTags(tag) : tag)
    .map(([key, value]) => `${key}:${String(value)}`)
    .join();
}
