import { expect, test } from 'vitest'
import { SessionMemory } from './session-memory.ts'

const verdict = { kind: 'valid', role: 'admin', expiresAt: new Date(100_000_000).toISOString() } as const
const minuteMs = 60_000

test('a verdict is fresh for ten seconds and a stopgap for fifteen minutes', () => {
  const memory = new SessionMemory()
  memory.remember('a', verdict, 0)
  expect(memory.fresh('a', 9_999)).toEqual(verdict)
  expect(memory.fresh('a', 10_000)).toBeNull()
  expect(memory.stale('a', 15 * minuteMs - 1)).toEqual(verdict)
  expect(memory.stale('a', 15 * minuteMs)).toBeNull()
})

test('a session that has run out is not remembered past its end', () => {
  const memory = new SessionMemory()
  memory.remember('a', { ...verdict, expiresAt: new Date(5_000).toISOString() }, 0)
  expect(memory.fresh('a', 4_999)).not.toBeNull()
  expect(memory.fresh('a', 5_000)).toBeNull()
  expect(memory.stale('a', 5_000)).toBeNull()
})

test('a session that does not end by itself is remembered as long as any', () => {
  const memory = new SessionMemory()
  memory.remember('a', { ...verdict, expiresAt: null }, 0)
  expect(memory.fresh('a', 9_999)).not.toBeNull()
})

test('a forgotten session is unknown', () => {
  const memory = new SessionMemory()
  memory.remember('a', verdict, 0)
  memory.forget('a')
  expect(memory.stale('a', 1)).toBeNull()
})

test('of more than a thousand sessions the one seen longest ago goes', () => {
  const memory = new SessionMemory()
  for (let number = 0; number < 1_000; number += 1) memory.remember(`s${number}`, verdict, 0)
  memory.remember('s0', verdict, 1)
  memory.remember('one more', verdict, 1)
  expect(memory.fresh('s0', 2)).not.toBeNull()
  expect(memory.fresh('s1', 2)).toBeNull()
  expect(memory.fresh('one more', 2)).not.toBeNull()
})
