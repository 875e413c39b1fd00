import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeNobody } from '../../../../src/dp/run-dir/nobody.ts';

const dir = mkdtempSync(join(tmpdir(), 'dp-nobody-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('where no agent runs, the other run directories are hinted at', () => {
  expect(describeNobody(dir, '', [])).toBe(
    `no agent runs in ${dir}; one with another run directory is found with --run-dir (root and the systemd units use /run/kuma-dp)`,
  );
  expect(describeNobody('/run/kuma-dp', 'web', [])).not.toContain('systemd');
  expect(describeNobody(dir, 'web', ['shop.api'])).toBe(
    `no agent for "web" runs in ${dir}: there are shop.api`,
  );
});

test('a run directory of another user is not taken for one without agents', () => {
  const closed = join(dir, 'closed');
  mkdirSync(closed);
  chmodSync(dir, 0o755);
  const isRoot = process.geteuid?.() === 0;
  chmodSync(closed, isRoot ? 0o700 : 0);
  const owner = process.getuid?.();
  if (isRoot) process.seteuid?.(65_534);
  try {
    expect(describeNobody(closed, 'web', [])).toBe(
      `${closed} cannot be looked into: it belongs to user ${owner}, this is user ${process.geteuid?.()}; ask as that user or as root`,
    );
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(closed, 0o700);
  }
});

test('an agent that waits for the first file of its directory is told apart from none', () => {
  const runDir = join(dir, 'run');
  const socketOf = (instance: string) => {
    mkdirSync(join(runDir, instance), { recursive: true });
    writeFileSync(join(runDir, instance, 'agent.sock'), '');
  };
  socketOf('_crew.4194305');
  expect(describeNobody(runDir, '', [])).toContain('no agent runs');
  socketOf(`_crew.${process.pid}`);
  expect(describeNobody(runDir, '', [])).toBe(
    `the agent ${process.pid} in ${runDir} runs without any proxy: it waits for a Dataplane file`,
  );
  expect(describeNobody(runDir, 'web', [])).toContain('and there is none for "web"');
  // It has one, which does not answer.
  socketOf('default.web');
  expect(describeNobody(runDir, '', [])).toContain('no agent runs');
});
