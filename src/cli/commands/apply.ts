import type { Violation } from '../../lib/violations.ts';
import { parseDocuments, type SourceDocument } from '../apply/documents.ts';
import { type PlannedResource, planDocument, type RefusedDocument, toStoredDocument } from '../apply/plan.ts';
import { readSources } from '../apply/sources.ts';
import { parseVariables, renderTemplate } from '../apply/template.ts';
import { ApiError, describeViolation } from '../client/api-error.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { toYaml } from '../output/format.ts';
import { toPrintable } from '../output/printable.ts';
import { toItemPath } from '../resource-paths.ts';
import type { Session } from '../session.ts';

export interface ReadOptions {
  readonly files: readonly string[];
  /** `NAME=VALUE` each. */
  readonly variables: readonly string[];
  /** For documents that name no mesh. */
  readonly mesh: string;
  /** For documents read from an URL. */
  readonly timeoutMs: number;
}

/**
 * Reads and checks everything that is to be applied. One bad document refuses all of them, with every mistake of
 * every document on stderr, so that nothing is applied by halves.
 */
export async function readResources(
  context: CliContext,
  options: ReadOptions,
): Promise<readonly PlannedResource[]> {
  const variables = parseVariables(options.variables, '--var');
  const sources = await readSources(context, options.files, options.timeoutMs);
  const documents = sources.flatMap(({ from, text }) =>
    parseDocuments({ from, text: renderTemplate(text, variables, from) }),
  );
  if (documents.length === 0) throw new CliError('input', 'no resource(s) passed to apply');
  const plan = documents.map((document) => planDocument(document, options.mesh));
  const resources = plan.filter((entry) => entry.kind === 'resource');
  if (resources.length === plan.length) return resources;
  plan.forEach((entry, i) => {
    if (entry.kind === 'refused') reportRefused(context, entry, i);
  });
  throw new CliError('input', 'failed to validate some resources, nothing was applied');
}

/** Prints what would be stored, and stores nothing. No control plane is asked. */
export async function printDryRun(
  { stdout, stderr }: CliContext,
  resources: readonly PlannedResource[],
): Promise<void> {
  for (const [i, { read, warnings }] of resources.entries()) {
    for (const warning of warnings) stderr.write(`${formatWarning(warning, i, resources.length)}\n`);
    stdout.write(`${i === 0 ? '' : '---\n'}${await toYaml(toStoredDocument(read))}`);
  }
}

/** Applies in the order given and stops at the first refusal; what was applied before it stays and is named. */
export async function applyResources(
  { client, compat, context }: Session,
  resources: readonly PlannedResource[],
): Promise<void> {
  const { stdout, stderr } = context;
  for (const [i, { read, body, warnings, document }] of resources.entries()) {
    const { type, mesh, name } = read.key;
    const title = `resource type="${type}" mesh="${mesh}" name="${name}"`;
    try {
      const result = await client.put(toItemPath(read.type, read.key), body);
      for (const warning of new Set([...warnings, ...result.warnings]))
        stderr.write(`${formatWarning(warning, i, resources.length)}\n`);
      // 0.1 said nothing when all was well, and scripts of its time compare the output.
      if (compat !== '0.1') stdout.write(`${title} ${result.created ? 'Created' : 'Updated'}\n`);
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      const details = error instanceof ApiError ? describeAll(error.violations, document) : error.details;
      throw new CliError(
        error.code,
        `${title}: failed server side: ${error.message}${tellRest(i, resources.length)}`,
        { cause: error, details },
      );
    }
  }
}

function tellRest(done: number, all: number): string {
  return all === 1 ? '' : `; of ${all} resources the first ${done} were applied, the others were not`;
}

function reportRefused(
  { stderr }: CliContext,
  { violations, warnings, document }: RefusedDocument,
  index: number,
): void {
  stderr.write(`resource[${index}]: failed to parse resource:\n`);
  for (const line of describeAll(violations, document)) stderr.write(`${line}\n`);
  for (const warning of warnings) stderr.write(`${formatWarning(warning, index, 2)}\n`);
}

/** `* networking.address: address can't be empty (stdin:4:1)` */
function describeAll(violations: readonly Violation[], document: SourceDocument): string[] {
  return violations.map((violation) =>
    document.syntaxError === undefined
      ? `${describeViolation(violation)} (${document.locate(violation.field)})`
      : describeViolation(violation),
  );
}

function formatWarning(warning: string, index: number, count: number): string {
  return `Warning: ${count === 1 ? '' : `resource[${index}]: `}${toPrintable(warning)}`;
}
