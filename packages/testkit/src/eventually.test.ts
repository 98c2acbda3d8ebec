import { expect, test } from 'vitest'
import { eventually } from './eventually.ts'

test('gives back the first value that is not false', async () => {
  const values = [false, () => Promise.reject(new Error('not yet')), 0]
  const probe = () => {
    const value = values.shift()
    return typeof value === 'function' ? value() : value
  }
  expect(await eventually(probe, { everyMs: 1 })).toBe(0)
})

test('tells after the deadline why it was not so', async () => {
  const probe = () => Promise.reject(new Error('the door is closed'))
  await expect(eventually(probe, { withinMs: 10, everyMs: 1 })).rejects.toThrow(
    'Not so within 10 ms: the door is closed',
  )
})

test('ends with the reason of the signal, long before the deadline', async () => {
  const controller = new AbortController()
  const probe = () => {
    controller.abort(new Error('somebody pressed Ctrl-C'))
    return false
  }
  await expect(
    eventually(probe, { withinMs: 60_000, everyMs: 1, signal: controller.signal }),
  ).rejects.toThrow('somebody pressed Ctrl-C')
})
