import { buildInfo } from '../../lib/build-info.ts';
import { connect } from '../client/connect.ts';
import { readProduct } from '../client/version-check.ts';
import { findActive } from '../config/contexts.ts';
import type { CliContext } from '../context.ts';
import { messageOf } from '../errors.ts';
import { type GlobalOptions, parseTimeout, readConfig } from '../session.ts';

/** `kumactl version`: succeeds without a control plane, and says so on stderr. */
export async function runVersion(
  context: CliContext,
  globals: GlobalOptions,
  detailed: boolean,
): Promise<void> {
  const { stdout, stderr } = context;
  if (detailed) {
    stdout.write('Client:\n');
    const { version, gitTag, gitCommit, buildDate } = buildInfo;
    const lines = [
      ['Product', 'Kuma'],
      ['Version', version],
      ['Git Tag', gitTag],
      ['Git Commit', gitCommit],
      ['Build Date', buildDate],
    ];
    for (const [key, value] of lines) stdout.write(`  ${`${key}:`.padEnd(12)}${value}\n`);
  } else stdout.write(`Client: Kuma ${buildInfo.version}\n`);
  try {
    const { controlPlane } = findActive(await readConfig(context, globals), globals.context);
    const server = controlPlane.coordinates.apiServer;
    const client = await connect(context, {
      name: controlPlane.name,
      server,
      timeoutMs: parseTimeout(globals.apiTimeout),
    });
    const { product, version } = readProduct(await client.index());
    stdout.write(`Server: ${product} ${version}\n`);
  } catch (error) {
    stderr.write(`Unable to connect to control plane: ${messageOf(error)}\n`);
  }
}
