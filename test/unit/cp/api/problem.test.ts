import { expect, test } from 'vitest';
import {
  describeProblem,
  internalError,
  invalidResource,
  notFound,
  renderJson,
} from '../../../../src/cp/api/problem.ts';

test('violations are given in both the present and the deprecated fields', () => {
  const answer = invalidResource('Could not process a resource', [
    { field: 'name', message: 'cannot be empty' },
  ]);
  expect(answer).toEqual({
    status: 400,
    body: {
      type: '/std-errors',
      status: 400,
      title: 'Could not process a resource',
      detail: 'Resource is not valid',
      invalid_parameters: [{ field: 'name', reason: 'cannot be empty' }],
      details: 'Resource is not valid',
      causes: [{ field: 'name', message: 'cannot be empty' }],
    },
  });
});

test('an absent resource is told as 2.14 tells it', () => {
  expect(renderJson(notFound('Could not retrieve a resource').body)).toBe(
    '{\n "type": "/std-errors",\n "status": 404,\n "title": "Could not retrieve a resource",\n' +
      ' "detail": "Not found",\n "details": "Not found"\n}',
  );
});

test('a failure of ours names only the id under which the log has it', () => {
  const { status, body } = internalError('id-1');
  expect(status).toBe(500);
  expect(body).toMatchObject({ title: 'Internal Server Error', instance: 'id-1' });
});

test('the log gets one line of a problem and nothing of a success', () => {
  const { body } = invalidResource('Could not process a resource', [
    { field: 'name', message: 'cannot be empty' },
  ]);
  expect(describeProblem(body)).toBe(
    'Could not process a resource: Resource is not valid (name: cannot be empty)',
  );
  expect(describeProblem({})).toBeUndefined();
});
