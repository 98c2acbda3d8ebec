import { expect, test } from 'vitest'
import { recent } from './recent.ts'

test('those who ask within the time share one answer', async () => {
  let now = 0
  let asked = 0
  const ask = recent(
    async (key: string) => `${key}${++asked}`,
    2_000,
    () => now,
  )
  expect(await Promise.all([ask('a'), ask('a')])).toEqual(['a1', 'a1'])
  now = 1_999
  expect(await ask('a')).toBe('a1')
  expect(await ask('b')).toBe('b2')
  now = 2_000
  expect(await ask('a')).toBe('a3')
})

test('a failure is not remembered', async () => {
  let asked = 0
  const ask = recent(
    async () => {
      asked += 1
      if (asked === 1) throw new Error('away')
      return 'back'
    },
    2_000,
    () => 0,
  )
  await expect(ask('a')).rejects.toThrow('away')
  expect(await ask('a')).toBe('back')
})
