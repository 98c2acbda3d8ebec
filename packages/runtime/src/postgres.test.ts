import { expect, test } from 'vitest'
import { CommitUnknownError, isConnectionError } from './postgres.ts'
import { hostsOf, withHost } from './postgres-primary.ts'

test('a URL of several hosts is taken apart and put together with one of them', () => {
  const url = 'postgres://user:p%40ss@a:1,b:2,[::1]:3/database?sslmode=disable'
  expect(hostsOf(url)).toEqual(['a:1', 'b:2', '[::1]:3'])
  expect(withHost(url, 'b:2')).toBe('postgres://user:p%40ss@b:2/database?sslmode=disable')
  expect(hostsOf('postgres://localhost/x')).toEqual(['localhost'])
})

test.each([
  [{ code: 'ECONNREFUSED' }, true],
  [{ code: '57P01' }, true],
  [{ code: '08006' }, true],
  [{ code: '25006' }, true],
  [{ code: '3D000' }, true],
  [{ code: '28P01' }, true],
  [{ message: 'Connection terminated unexpectedly' }, true],
  [{ message: 'timeout exceeded when trying to connect' }, true],
  [{ message: 'Query read timeout' }, true],
  [new CommitUnknownError(undefined), true],
  [{ code: '23505' }, false],
  [{ code: '57014' }, false],
  [{ message: 'unrelated' }, false],
])('%o speaks of the connection: %s', (error, expected) => {
  expect(isConnectionError(error)).toBe(expected)
})
