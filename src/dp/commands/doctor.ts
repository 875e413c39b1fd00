import type { Command } from 'commander';
import { describeError } from '../../lib/coded-error.ts';
import { describeViolations } from '../../lib/violations.ts';
import { loadSettings } from '../../settings/load.ts';
import { AgentError } from '../agent-error.ts';
import { addFlags, addIgnoredFlags, readFlags } from '../config/flags.ts';
import { DOCTOR_SETTINGS } from '../config/host-settings.ts';
import { AGENT_SETTINGS } from '../config/settings.ts';
import { DOCTOR_EXIT_CODES } from '../exit-codes.ts';
import type { CommandContext } from '../program.ts';
import { toConfigSources } from './config-sources.ts';

/** `kuma-dp doctor`: takes the flags and variables of `kuma-dp run` and says what would be in its way, and what is. */
export function addDoctorCommand(root: Command, context: CommandContext): void {
  const command = root
    .command('doctor')
    .description(
      'Find what keeps proxies of this host from working, and say how to mend it; changes nothing.',
    );
  addFlags(command, DOCTOR_SETTINGS);
  addFlags(command, AGENT_SETTINGS);
  addIgnoredFlags(command);
  command.option('-c, --config-file <file>', 'Settings as YAML; flags and variables overrule it.');
  command.action(async () => {
    try {
      context.setExitCode(await doctor(command, context));
    } catch (error) {
      // A doctor that cannot look must not be taken for one that found a mere warning.
      context.warn(`kuma-dp: doctor: ${describeError(error)}`);
      context.setExitCode(DOCTOR_EXIT_CODES.errors);
    }
  });
}

async function doctor(command: Command, context: CommandContext): Promise<number> {
  const { values, violations } = loadSettings(DOCTOR_SETTINGS, {
    flags: readFlags(command, DOCTOR_SETTINGS),
    env: context.env,
  });
  if (violations.length > 0) throw new AgentError('settings-invalid', describeViolations(violations));
  // Loaded late: nothing else of the program needs them.
  const [{ CHECKS }, { diagnose }, { examine }, report, { readHostLimits }] = await Promise.all([
    import('../doctor/checks.ts'),
    import('../doctor/diagnose.ts'),
    import('../doctor/patient.ts'),
    import('../doctor/report.ts'),
    import('../limits/host-limits.ts'),
  ]);
  const patient = await examine({
    ...toConfigSources(command, context),
    limits: readHostLimits(),
    now: Date.now,
    patienceMs: values.timeout,
  });
  const reports = await diagnose(CHECKS, patient, values.timeout);
  if (values.output === 'json') context.print(report.toJson(reports));
  else for (const line of report.toLines(reports)) context.print(line);
  return report.toExitCode(reports);
}
