import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../../src/dp/exit-codes.ts';
import { clonePath } from '../../support/processes.ts';

const UNITS = ['kuma-dp@.service', 'kuma-cp.service'];
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
const dir = mkdtempSync(join(tmpdir(), 'units-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const read = (unit: string) => readFileSync(clonePath('packaging', 'systemd', unit), 'utf8');
const settingOf = (unit: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(read(unit))?.[1];

describe.each(UNITS)('%s', (unit) => {
  test.runIf(hasAnalyze)('is understood by systemd without a word', () => {
    // The programs are not installed where the tests run; everything else is verified as it is.
    const path = join(dir, unit.replace('@', '@web'));
    writeFileSync(path, read(unit).replaceAll(/\/usr\/local\/bin\/kuma-\w+/g, '/bin/true'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
      encoding: 'utf8',
    });
    expect({ status, text: `${stdout}${stderr}` }).toEqual({ status: 0, text: '' });
  });

  test.runIf(hasAnalyze)('and would not be if a key were misspelt', () => {
    const path = join(dir, `bad-${unit.replace('@', '@web')}`);
    copyFileSync(clonePath('packaging', 'systemd', unit), path);
    writeFileSync(path, `${read(unit)}\n[Service]\nKilMode=mixed\n`);
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).toContain('KilMode');
  });

  test('signals the program alone, so that connections can end first', () => {
    expect(settingOf(unit, 'KillMode')).toBe('mixed');
  });
});

test('the agent’s unit does not restart what a restart cannot mend', () => {
  const codes = settingOf('kuma-dp@.service', 'RestartPreventExitStatus')?.split(' ').map(Number);
  expect(codes).toEqual([
    EXIT_CODES['settings-invalid'],
    EXIT_CODES['envoy-not-found'],
    EXIT_CODES['envoy-unusable'],
    EXIT_CODES['envoy-config-invalid'],
  ]);
});

test('the agent’s unit lets systemd-notify speak for the agent', () => {
  expect(settingOf('kuma-dp@.service', 'Type')).toBe('notify');
  expect(settingOf('kuma-dp@.service', 'NotifyAccess')).toBe('all');
});

describe('the drop-in for agents that leave Envoy serving', () => {
  const dropIn = 'kuma-dp@.service.d/keep-envoy.conf';

  test('ends the agent alone, and brings the next one after a detach, too', () => {
    expect(settingOf(dropIn, 'KillMode')).toBe('process');
    expect(settingOf(dropIn, 'Restart')).toBe('always');
    expect(read(dropIn)).toContain('KUMA_DATAPLANE_RUNTIME_KEEP_ENVOY=true');
    expect(settingOf('kuma-dp@.service', 'RuntimeDirectoryPreserve')).toBe('yes');
  });

  test.runIf(hasAnalyze)('is understood by systemd without a word', () => {
    const path = join(dir, 'kuma-dp@kept.service');
    const unit = read('kuma-dp@.service').replaceAll(/\/usr\/local\/bin\/kuma-\w+/g, '/bin/true');
    // Later settings of a section win, as those of a drop-in do.
    writeFileSync(path, `${unit}\n${read(dropIn)}`);
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], {
      encoding: 'utf8',
    });
    expect(`${stdout}${stderr}`).toBe('');
  });
});
