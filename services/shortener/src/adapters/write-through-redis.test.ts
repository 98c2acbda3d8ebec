import type { FreshLink, PutOutcome } from '@linkfleet/contracts/redis-link-cache'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ReadLink } from '../domain/link.ts'
import { toCopy } from '../domain/link.ts'
import type { WriteThrough } from '../ports.ts'
import { newLink } from '../testing/new-link.ts'
import { openWriteThroughRedis } from './write-through-redis.ts'
import { WrittenChanges } from './written-changes.ts'

/** One call of the cache, which the test answers. */
interface Call {
  readonly links: readonly FreshLink[]
  answer(outcome: PutOutcome): void
  fail(error: Error): void
}

let calls: Call[]
let failures: unknown[]
let written: WrittenChanges
let writeThrough: WriteThrough

// No pause ends while a test runs, however slow the machine.
beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

beforeEach(() => {
  calls = []
  failures = []
  written = new WrittenChanges()
  written.keep()
  const fillAll = (links: readonly FreshLink[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<PutOutcome[]>()
    calls.push({ links, answer: (outcome) => resolve(links.map(() => outcome)), fail: reject })
    return promise
  }
  writeThrough = openWriteThroughRedis({ fillAll }, (error) => failures.push(error), written)
})
const changed = (version: number): ReadLink => {
  const { alias: _alias, password: _password, reuse: _reuse, ...chosen } = newLink()
  const link = {
    ...chosen,
    domainId: 1,
    code: `code${version}`,
    version,
    createdVersion: version,
    state: 1 as const,
    passwordProtected: false,
    passwordVerifier: null,
    createdAtMs: 0,
    updatedAtMs: 0,
  }
  return { link, asOfMs: 1, timeline: 1 }
}

const nextTurn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
const isWritten = (version: number) => written.isWritten(toCopy(changed(version).link, 1), -1)

test('changes of one turn travel together, and those that Redis stored are known to be there', async () => {
  const writes = Promise.all([1, 2].map((version) => writeThrough.write(changed(version))))
  await nextTurn()
  expect(calls.map(({ links }) => links.map(({ copy }) => copy.version))).toEqual([[1, 2]])
  expect(isWritten(1)).toBe(false)
  calls[0]?.answer('stored')
  await writes
  expect([1, 2].map(isWritten)).toEqual([true, true])
  const refused = writeThrough.write(changed(3))
  await nextTurn()
  calls[1]?.answer('refused')
  await refused
  expect(isWritten(3)).toBe(false)
})

test('a slow Redis is waited for once, and gets what comes after it all the same', async () => {
  await writeThrough.write(changed(1))
  expect(failures).toHaveLength(1)
  const second = writeThrough.write(changed(2))
  await nextTurn()
  expect(calls).toHaveLength(2)
  await second
  for (const call of calls) call.answer('stored')
  await nextTurn()
  expect([1, 2].map(isWritten)).toEqual([true, true])
})

test('a Redis that fails is left alone', async () => {
  const first = writeThrough.write(changed(1))
  await nextTurn()
  calls[0]?.fail(new Error('away'))
  await first
  await writeThrough.write(changed(2))
  await nextTurn()
  expect(calls).toHaveLength(1)
  expect(isWritten(1)).toBe(false)
})

test('a Redis that answers nothing is sent a bounded number of links', async () => {
  const writes = Array.from({ length: 4_000 }, (_none, at) => writeThrough.write(changed(at + 1)))
  await Promise.all(writes)
  await writeThrough.write(changed(5_000))
  await nextTurn()
  expect(calls.flatMap(({ links }) => links)).toHaveLength(4_000)
})
