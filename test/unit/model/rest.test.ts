import { expect, test } from 'vitest';
import { toRestError } from '../../../src/model/rest.ts';

test('an error carries its facts twice, for clients of today and older ones', () => {
  const violations = [{ field: 'name', message: 'cannot be empty' }];
  expect(toRestError(400, 'Bad Request', { detail: 'Resource is not valid', violations })).toEqual({
    type: '/std-errors',
    status: 400,
    title: 'Bad Request',
    detail: 'Resource is not valid',
    invalid_parameters: [{ field: 'name', reason: 'cannot be empty' }],
    details: 'Resource is not valid',
    causes: violations,
  });
});

test('an error without violations has neither list', () => {
  expect(toRestError(404, 'Not found', { detail: 'Not found' })).toEqual({
    type: '/std-errors',
    status: 404,
    title: 'Not found',
    detail: 'Not found',
    details: 'Not found',
  });
});
