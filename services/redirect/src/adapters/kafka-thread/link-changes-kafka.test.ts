import { encodeLinkChange } from '@linkfleet/contracts/link-changes'
import { liveLink } from '@linkfleet/contracts/testing/live-link'
import type { EachBatchPayload } from '@linkfleet/runtime/kafka'
import { expect, test } from 'vitest'
import { takeBatch } from './link-changes-kafka.ts'

const { value } = encodeLinkChange({ link: liveLink('abc', 1), asOfMs: 1 }, 1)

interface Taking {
  readonly offsets: readonly number[]
  readonly expected?: Map<number, bigint>
  readonly heartbeat?: () => Promise<void>
}

/** What was told of a batch, in its order. */
async function take({ offsets, expected = new Map(), heartbeat = async () => undefined }: Taking) {
  const told: string[] = []
  const messages = offsets.map((offset) => ({ offset: String(offset), value }))
  const batch = { partition: 0, messages } as unknown as EachBatchPayload['batch']
  const taken = takeBatch({ batch, resolveOffset: () => undefined, heartbeat }, expected, {
    changed: () => void told.push('changed'),
    marked: () => void told.push('marked'),
    gap: (reason) => void told.push(reason),
    heeded: async () => void told.push('heeded'),
  })
  await taken.catch((cause: Error) => told.push(cause.message))
  return told
}

async function gapsIn(...batches: number[][]): Promise<string[]> {
  const expected = new Map<number, bigint>()
  const gaps: string[] = []
  for (const offsets of batches) {
    const told = await take({ offsets, expected })
    gaps.push(...told.filter((what) => what !== 'changed' && what !== 'heeded'))
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

test('what a batch told is heeded before the broker is asked anything', async () => {
  const heartbeat = () => Promise.reject(new Error('the broker is away'))
  expect(await take({ offsets: [1], heartbeat })).toEqual(['changed', 'heeded', 'the broker is away'])
})

test('of a long batch no more than 256 records are told before they are heeded', async () => {
  const told = await take({ offsets: Array.from({ length: 600 }, (_, index) => index) })
  const runs = told.join(' ').split(' heeded')
  expect(runs.map((run) => run.split(' ').filter((what) => what === 'changed').length)).toEqual([
    256, 256, 88, 0,
  ])
})
