import { expect, test } from 'vitest'
import { errorKinds, LinkfleetError, problemOf } from './errors.ts'

test.each(Object.entries(errorKinds))('%s has a status of an error on both sides', (code, kind) => {
  expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
  expect(kind.httpStatus).toBeGreaterThanOrEqual(400)
  expect(kind.httpStatus).toBeLessThan(600)
  expect(kind.grpcStatus).toBeGreaterThan(0)
  expect(kind.grpcStatus).toBeLessThanOrEqual(16)
})

test('a problem names the field, and never the cause', () => {
  const error = new LinkfleetError('invalid-url', 'It is not a URL.', {
    field: 'url',
    cause: new Error('secret'),
  })
  expect(problemOf(error)).toEqual({
    type: 'urn:linkfleet:error:invalid-url',
    title: 'The URL cannot be shortened',
    status: 400,
    code: 'invalid-url',
    detail: 'It is not a URL.',
    field: 'url',
  })
})
