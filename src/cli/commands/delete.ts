import { CliError } from '../errors.ts';
import { requireType, toItemPath } from '../resource-paths.ts';
import type { Session } from '../session.ts';

/** `kumactl delete TYPE NAME`. */
export async function runDelete(
  { client, mesh, context }: Session,
  word: string,
  name: string,
): Promise<void> {
  const type = requireType(word);
  if (!(await client.remove(toItemPath(type, { mesh, name })))) {
    throw new CliError(
      'not-found',
      `there is no ${type.name} with name "${name}"${type.scope === 'mesh' ? ` in mesh "${mesh}"` : ''}`,
    );
  }
  context.stdout.write(`deleted ${type.name} "${name}"\n`);
}
