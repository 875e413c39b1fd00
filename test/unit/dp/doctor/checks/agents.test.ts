import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentsCheck } from '../../../../../src/dp/doctor/checks/agents.ts';
import { readProcessId } from '../../../../../src/lib/process-id.ts';
import { aPatient, textOf } from '../support.ts';

let runDir: string;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'dp-agents-'));
  mkdirSync(join(runDir, 'default.web'), { mode: 0o700 });
  writeFileSync(join(runDir, 'default.web', 'agent.sock'), '');
});

afterEach(() => rmSync(runDir, { recursive: true, force: true }));

test('an agent that was killed is no agent that hangs: another process may have its number by now', async () => {
  record({ startTicks: 1 });
  expect(await diagnose()).toBe('');
});

test('an agent that hangs is told with the number of its process', async () => {
  record({});
  const text = await diagnose();
  expect(text).toContain(`error: an agent does not answer: ${join(runDir, 'default.web')}`);
  expect(text).toContain(`kill -KILL ${process.pid}`);
});

function record(facts: object): void {
  const own = { ...readProcessId(process.pid), ...facts };
  writeFileSync(join(runDir, 'default.web', 'agent.json'), JSON.stringify(own));
}

async function diagnose(): Promise<string> {
  const patient = await aPatient({ flags: { name: 'web' }, defaultRunDir: runDir });
  return textOf(await agentsCheck.run(patient, new AbortController().signal));
}
