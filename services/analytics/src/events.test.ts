import { createLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { expect, test } from 'vitest'
import type { DeadLetter } from './domain/batch-plan.ts'
import { createEvents } from './events.ts'

test('a batch of messages that are set aside is one line, with how many and why the first one was', async () => {
  const lines: string[] = []
  const log = createLogger('analytics', '1', 'info', { write: (line) => lines.push(line) })
  const metrics = new Metrics('analytics')
  const letters = ['undecodable', 'empty', 'empty'] as const
  const deadLetters = letters.map(
    (reason, offset): DeadLetter => ({
      offset: 70 + offset,
      producer: undefined,
      countedThrough: 0,
      reason,
      value: Buffer.alloc(0),
      digest: '',
    }),
  )
  const counts = { humans: 0, bots: 0, orphans: 0, duplicates: 0, refused: 0 }
  const outcome = {
    kind: 'applied',
    nextOffset: 73,
    caughtUpAtMs: 0,
    counts,
    oldestCountedMs: undefined,
  } as const
  createEvents(log, metrics).batchApplied(4, { ...outcome, deadLetters }, 1, undefined)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 50, partition: 4, messages: 3, offset: 70, reason: 'undecodable' },
  ])
  const counted = await metrics.registry.getSingleMetric('analytics_dead_letters_total')?.get()
  const empty = counted?.values.find(({ labels }) => labels.reason === 'empty')
  expect(empty?.value).toBe(2)
})
