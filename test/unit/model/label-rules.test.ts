import { describe, expect, test } from 'vitest';
import { checkLabel } from '../../../src/model/label-rules.ts';
import { Notes } from '../../../src/model/shape/notes.ts';

function fieldsOf(key: string, value: string): readonly string[] {
  const notes = new Notes();
  checkLabel(key, value, notes);
  return notes.violations.list.map(({ field, message }) => `${field}: ${message}`);
}

describe('a label', () => {
  test.each([
    ['team', 'a'],
    ['team', ''],
    ['kuma.io/zone', 'zone-1'],
    ['Under_Score.and.dots', 'V1.2_3-x'],
    ['x'.repeat(63), 'y'.repeat(63)],
  ])('%s=%s is fine', (key, value) => {
    expect(fieldsOf(key, value)).toEqual([]);
  });

  test.each([
    ['', 'x', 'labels[""]: label name cannot be empty'],
    ['a b', 'x', 'labels["a b"]: the name has to'],
    ['-a', 'x', 'labels["-a"]: the name has to'],
    ['a/', 'x', 'labels["a/"]: the name has to'],
    ['a/b/c', 'x', 'labels["a/b/c"]: the name has to'],
    ['/a', 'x', 'labels["/a"]: what stands before the "/"'],
    ['Upper.io/a', 'x', 'labels["Upper.io/a"]: what stands before the "/"'],
    ['x'.repeat(64), 'x', ': the name has to'],
    ['a', 'c d', 'labels["a"]: the value has to'],
    ['a', 'y'.repeat(64), 'labels["a"]: the value has to'],
  ])('%s=%s is refused', (key, value, says) => {
    expect(fieldsOf(key, value).join()).toContain(says);
  });
});
