import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogFile, type FollowedLog, followLog } from '../../../../src/dp/envoy/log-file.ts';
import { createLineSplitter } from '../../../../src/dp/envoy/output.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';

let dir: string;
let path: string;
let clock: FakeClock;
let lines: string[];
let skipped: number;
let log: FollowedLog | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'dp-log-'));
  path = join(dir, 'envoy.0.log');
  clock = createFakeClock();
  lines = [];
  skipped = 0;
});

afterEach(() => {
  log?.stop();
  rmSync(dir, { recursive: true });
});

const LIMITS = { emptyAt: 1_000, behind: 5_000, kept: 500 };

/** Of a writer that is gone, so that only the name leads to the file. */
function follow(from = 0): void {
  const splitter = createLineSplitter((line) => void lines.push(line));
  log = followLog({
    ...{ path, pid: 0, from, clock, limits: LIMITS },
    onChunk: (chunk) => splitter.push(chunk),
    onSkipped: (bytes) => {
      skipped += bytes;
    },
  });
}

const write = (text: string) => appendFileSync(path, text);
const look = () => clock.advance(100);

test('a new log file is for its owner alone, and an older one only loses its name', () => {
  writeFileSync(path, 'of an Envoy before');
  createLogFile(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toBe('');
});

describe('a log that is followed', () => {
  beforeEach(() => createLogFile(path));

  test('comes line by line, whole ones only', () => {
    follow();
    write('one\ntwo\nthr');
    look();
    expect(lines).toEqual(['one', 'two']);
    write('ee\n');
    look();
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  test('goes on where the agent before stopped', () => {
    write('read\nnew\n');
    follow('read\n'.length);
    look();
    expect(lines).toEqual(['new']);
    expect(log?.position).toBe('read\nnew\n'.length);
  });

  test('is emptied in place once it is long and read, and nothing is lost or doubled by it', () => {
    follow();
    const { ino } = statSync(path);
    for (let i = 0; i < 100; i++) {
      write(`line ${i} ${'x'.repeat(40)}\n`);
      if (i % 7 === 0) look();
      expect(statSync(path).size).toBeLessThan(LIMITS.emptyAt + 500);
    }
    look();
    expect(lines.map((line) => Number(line.split(' ')[1]))).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(statSync(path).ino).toBe(ino);
  });

  test('is read from its start when somebody else emptied it', () => {
    follow();
    write('long line\n');
    look();
    truncateSync(path, 0);
    write('new\n');
    look();
    expect(lines).toEqual(['long line', 'new']);
  });

  test('is read on under its new name, since Envoy goes on there', () => {
    follow();
    write('one\n');
    look();
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'of somebody else\n');
    appendFileSync(`${path}.1`, 'two\n');
    look();
    expect(lines).toEqual(['one', 'two']);
  });

  test('is skipped but for its newest part when too much came while no agent was there', () => {
    write(`${'old '.repeat(2_000)}\nnewest\n`);
    const { size } = statSync(path);
    follow();
    look();
    expect(skipped).toBe(size - LIMITS.kept);
    expect(lines.at(-1)).toBe('newest');
    expect(lines.join('').length).toBeLessThan(LIMITS.kept);
  });

  test('is waited for when it is not there, and read to its end when asked', () => {
    rmSync(path);
    follow();
    look();
    writeFileSync(path, 'last words\n');
    log?.drain();
    expect(lines).toEqual(['last words']);
  });
});
