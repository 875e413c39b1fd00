import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { describeViolations } from '../../lib/violations.ts';
import { loadSettings } from '../../settings/load.ts';
import { AgentError } from '../agent-error.ts';
import { addFlags, readFlags } from '../config/flags.ts';
import { WAIT_SETTINGS } from '../config/wait-settings.ts';
import type { CommandContext } from '../program.ts';
import { describeNobody } from '../run-dir/nobody.ts';
import { chooseRunDir } from '../run-dir/paths.ts';
import { checkTargets, findTargets, type TargetChoice, type TargetResult } from '../wait/targets.ts';

/** `kuma-dp wait`: returns once the proxies of this host, or the one that was named, are ready. */
export function addWaitCommand(root: Command, context: CommandContext): void {
  const command = root
    .command('wait')
    .description('Wait until proxies are ready: the one asked for, else all that run on this host.')
    .argument('[name]', 'name of the proxy, or mesh.name; the same as --name');
  addFlags(command, WAIT_SETTINGS);
  command.action((name = '') => wait(command, name, context));
}

/** Who waits longer than this is told for what, on standard error, and again when that changes. */
const SILENT_MS = 1_000;

async function wait(command: Command, name: string, { env, print, warn }: CommandContext): Promise<void> {
  const { values, violations } = loadSettings(WAIT_SETTINGS, {
    flags: readFlags(command, WAIT_SETTINGS),
    env,
  });
  if (violations.length > 0) throw new AgentError('settings-invalid', describeViolations(violations));
  checkUrl(values.url);
  if (name !== '' && values.name !== '' && name !== values.name)
    throw new AgentError(
      'settings-invalid',
      `--name: "${values.name}" and "${name}" are two proxies; give one`,
    );
  const choice: TargetChoice = {
    ...values,
    name: name || values.name,
    runDir: chooseRunDir(values.runDir, env),
  };
  const startedAt = performance.now();
  const deadline = startedAt + values.timeout;
  for (let told = ''; ; ) {
    const results = await checkTargets(findTargets(choice), values.requestTimeout);
    if (results.length > 0 && results.every(({ ready }) => ready)) {
      for (const { target } of results) print(`${target.label} is ready`);
      return;
    }
    const why = describeMissing(results, choice);
    if (performance.now() + values.checkFrequency > deadline)
      throw new AgentError('not-ready-in-time', `not ready after ${values.timeout / 1000}s: ${why}`);
    if (why !== told && performance.now() - startedAt >= SILENT_MS) {
      warn(`not ready yet: ${why}`);
      told = why;
    }
    await delay(values.checkFrequency);
  }
}

function describeMissing(results: readonly TargetResult[], choice: TargetChoice): string {
  const { runDir, mesh, name } = choice;
  const missing = results.filter(({ ready }) => !ready).map(({ target, text }) => `${target.label}: ${text}`);
  if (results.length > 0) return missing.join('\n');
  const others = findTargets({ ...choice, mesh: '', name: '' }).map(({ label }) => label);
  return describeNobody(runDir, [mesh, name].filter((part) => part !== '').join('.'), others);
}

function checkUrl(url: string): void {
  if (url === '') return;
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  if (['localhost', '127.0.0.1', '[::1]'].includes(host) && url.startsWith('http:')) return;
  throw new AgentError(
    'settings-invalid',
    `--url: must be http on localhost, 127.0.0.1 or ::1, got "${url}"`,
  );
}
