import { expect, test } from 'vitest'
import { progressBar } from './fetch-progress.ts'

const fetches = [
  { engine: 'Kafka', bytesTotal: 44_000_000, folder: '/k' },
  { engine: 'Java', bytesTotal: 36_000_000, folder: '/j' },
]

test('the bar tells how much of everything has come and what is still on its way', () => {
  const text = progressBar(fetches, [44_000_000, 0])
  expect(text).toContain('44 of 80 MB: Java')
  expect(text).toContain('█'.repeat(13))
})

test('a full bar waits for unpacking', () => {
  expect(progressBar(fetches, [44_000_000, 36_000_000])).toContain('80 of 80 MB: unpacking')
})
