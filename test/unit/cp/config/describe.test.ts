import { expect, test } from 'vitest';
import { describeSettings } from '../../../../src/cp/config/describe.ts';
import { declareSettings, setting } from '../../../../src/settings/declare.ts';
import { duration, text } from '../../../../src/settings/values.ts';

const settings = declareSettings({
  password: setting({
    key: 'store.postgres.password',
    placeholder: 'text',
    doc: '',
    secret: true,
    value: text(''),
  }),
  user: setting({ key: 'store.postgres.user', placeholder: 'text', doc: '', value: text('kuma') }),
  wait: setting({ key: 'wait', placeholder: 'duration', doc: '', value: duration(0) }),
});

test('a secret is masked, whatever its length, and an unset one shows as unset', () => {
  const shown = describeSettings(settings, { password: 'hunter2', user: 'kuma', wait: 90_000 });
  expect(shown).toEqual({ store: { postgres: { password: '*****', user: 'kuma' } }, wait: '1m30s' });
  expect(describeSettings(settings, { password: '', user: 'kuma', wait: 0 })).toMatchObject({
    store: { postgres: { password: '' } },
  });
});
