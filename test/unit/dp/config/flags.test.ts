import { Command } from 'commander';
import { expect, test } from 'vitest';
import { addFlags } from '../../../../src/dp/config/flags.ts';
import { AGENT_SETTINGS } from '../../../../src/dp/config/settings.ts';

test('the help tells durations as a person writes them', () => {
  const command = new Command();
  addFlags(command, AGENT_SETTINGS);
  const help = command.helpInformation().replace(/\s+/g, ' ');
  expect(help).toContain('(default: 72h)');
  expect(help).toContain('(default: 10m)');
  expect(help).toContain('(default: 30s)');
});
