import { describe, expect, test } from 'vitest';
import { NO_EFFECT } from '../../../../src/cp/config/no-effect.ts';
import { controlPlaneSettings, refusedSettings } from '../../../../src/cp/config/settings.ts';

const all = Object.values({ ...controlPlaneSettings, ...refusedSettings });

describe('the table of settings', () => {
  test.each([
    ['key', all.flatMap(({ key, olderKeys = [] }) => [key, ...olderKeys])],
    ['variable', all.flatMap(({ env = [] }) => env)],
  ])('uses each %s once', (_what, entries) => {
    expect(entries.filter((entry, i) => entries.indexOf(entry) !== i)).toEqual([]);
  });

  test('says of no key both that it works and that it has no effect', () => {
    const keys = all.flatMap(({ key, olderKeys = [] }) => [key, ...olderKeys]);
    const idle = [...NO_EFFECT.keys()];
    expect(
      keys.filter((key) => idle.some((prefix) => key === prefix || key.startsWith(`${prefix}.`))),
    ).toEqual([]);
  });

  test('explains every setting in whole sentences', () => {
    for (const { key, doc } of all) expect([key, /^[A-Z].*\.$/.test(doc)]).toEqual([key, true]);
  });

  test('gives every setting a variable', () => {
    for (const { key, env } of all)
      expect([key, env?.[0]]).toEqual([key, expect.stringMatching(/^KUMA_[A-Z_]+$/)]);
  });
});
