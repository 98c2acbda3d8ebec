import { encodeLinkChange } from '@linkfleet/contracts/link-changes'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import type { EachBatchPayload } from '@linkfleet/runtime/kafka'
import { expect, test } from 'vitest'
import { takeBatch } from './link-changes-kafka.ts'

const { value } = encodeLinkChange({ link: liveLink('abc', 1), asOfMs: 1 }, 1)

async function gapsIn(...batches: number[][]): Promise<string[]> {
  const gaps: string[] = []
  const expected = new Map<number, bigint>()
  for (const offsets of batches) {
    const messages = offsets.map((offset) => ({ offset: String(offset), value }))
    await takeBatch(
      {
        batch: { partition: 0, messages } as unknown as EachBatchPayload['batch'],
        resolveOffset: () => undefined,
        heartbeat: async () => undefined,
      },
      expected,
      { changed: () => undefined, marked: () => undefined, gap: (reason) => void gaps.push(reason) },
    )
  }
  return gaps
}

test('records that follow each other are no gap', async () => {
  expect(await gapsIn([7, 8], [9])).toEqual([])
})

test.each([
  ['a record is missing', [[7, 8], [10]]],
  [
    'the topic was made anew and counts from 0',
    [
      [7, 8],
      [0, 1],
    ],
  ],
])('%s: one gap', async (_name, batches) => {
  expect(await gapsIn(...batches)).toEqual(['records are missing'])
})
