import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { beforeEach, expect, test } from 'vitest'
import type { KnownCopy, LinkKey } from '../ports.ts'
import { createSources, type Sources } from './sources.ts'

const codes = Array.from({ length: 50 }, (_, index) => `code${index}`)
const nowMs = 1_000_000

let calls: { source: 'redis' | 'primary' | 'fill'; codes: string[] }[]
let failures: string[]
let failing: boolean
let replicasAsked: number
let replicaThatWorks: number
let sources: Sources

/** Knows every code but the last. */
function answerOf(source: 'redis' | 'primary', keys: readonly LinkKey[]) {
  calls.push({ source, codes: keys.map(({ code }) => code) })
  if (failing) throw new Error('away')
  return keys.map(({ code }) => ({
    copy: code === codes.at(-1) ? undefined : liveLink(code, 1),
    asOfMs: nowMs,
  }))
}

beforeEach(() => {
  calls = []
  failures = []
  failing = false
  replicasAsked = 0
  replicaThatWorks = 1
  const open = {
    redis: {
      readAll: async (keys: readonly LinkKey[]) =>
        answerOf('redis', keys).map(({ copy, asOfMs }) => copy && { copy, asOfMs }),
      fillAll: async (copies: readonly KnownCopy[]) => {
        calls.push({ source: 'fill', codes: copies.map(({ copy }) => copy.code) })
      },
      state: () => 'up',
    },
    authority: {
      resolveAll: async (keys: readonly LinkKey[]) => answerOf('primary', keys),
      isConnected: () => true,
    },
    replicas: {
      canRead: () => replicasAsked < 5,
      async read() {
        replicasAsked += 1
        if (replicasAsked < replicaThatWorks) throw new Error('frozen')
        return { copy: liveLink('code0', 1), asOfMs: nowMs }
      },
      health: () => [],
      [Symbol.asyncDispose]: async () => undefined,
    },
  }
  sources = createSources(open, {
    clock: () => nowMs,
    breakerWindowMs: 1_000,
    redisTimeoutMs: 1_000,
    shortenerTimeoutMs: 1_000,
    failed: (source) => failures.push(source),
  })
})

const askRedis = () => Promise.all(codes.map((code) => sources.cache.read(1, code, undefined)))
const askPrimary = () => Promise.all(codes.map((code) => sources.authority.resolve(1, code)))

test('what is asked of a source in one turn of the event loop is one call, and each gets its own answer', async () => {
  const cached = await askRedis()
  const said = await askPrimary()
  expect(calls).toEqual([
    { source: 'redis', codes },
    { source: 'primary', codes },
  ])
  expect(cached.slice(0, -1).map((known) => known?.copy.code)).toEqual(codes.slice(0, -1))
  expect(said.slice(0, -1).map((reading) => reading?.copy?.code)).toEqual(codes.slice(0, -1))
  expect(cached.at(-1)).toBeUndefined()
  expect(said.at(-1)).toEqual({ copy: undefined, asOfMs: nowMs })
})

test('fills travel together, though they are made turn by turn', async () => {
  const known = await askRedis()
  calls = []
  const fills = known.slice(0, -1).map(async (copy, index) => {
    for (let turn = 0; turn < index % 3; turn += 1) await new Promise(setImmediate)
    return sources.cache.fill(copy!)
  })
  await Promise.all(fills)
  expect(calls.map((call) => call.codes.toSorted())).toEqual([codes.slice(0, -1).toSorted()])
  calls = []
  await Promise.all(known.slice(0, -1).map((copy) => sources.cache.fill(copy!)))
  expect(calls).toEqual([{ source: 'fill', codes: codes.slice(0, -1) }])
})

test('a call that fails is one failure, however many codes it was for', async () => {
  failing = true
  expect(await askPrimary()).toEqual(codes.map(() => undefined))
  expect(failures).toEqual(['primary'])
  expect(sources.breakers.primary.state).toBe('closed')
  failing = false
  expect(await sources.authority.resolve(1, 'code0')).toMatchObject({ copy: { code: 'code0' } })
})

test('Redis is left alone after one failure, the primary after three in a row', async () => {
  failing = true
  await askRedis()
  expect(sources.breakers.redis.state).toBe('open')
  for (let call = 1; call <= 3; call += 1) await sources.authority.resolve(1, 'code0')
  expect(sources.breakers.primary.state).toBe('open')
  failing = false
  calls = []
  expect(await sources.cache.read(1, 'code0', undefined)).toBeUndefined()
  expect(await sources.authority.resolve(1, 'code0')).toBeUndefined()
  expect(calls).toEqual([])
})

test('a request whose replica fails asks another one, and a third never', async () => {
  replicaThatWorks = 2
  expect(await sources.replicas.read(1, 'code0', false)).toMatchObject({ copy: { code: 'code0' } })
  expect(failures).toEqual(['replica'])
  replicasAsked = 0
  replicaThatWorks = 3
  expect(await sources.replicas.read(1, 'code0', false)).toBeUndefined()
  expect(replicasAsked).toBe(2)
})
