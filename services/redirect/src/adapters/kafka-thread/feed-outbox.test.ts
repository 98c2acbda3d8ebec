import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { expect, test } from 'vitest'
import { FeedOutbox } from './feed-outbox.ts'
import type { FeedEvent, FeedNews } from './messages.ts'

const changed = (version: number): FeedEvent => ({
  kind: 'changed',
  change: { link: liveLink('abc', version), asOfMs: version },
})
const gap: FeedEvent = { kind: 'gap', reason: 'joined' }

function createOutbox() {
  const posted: FeedNews[] = []
  return { posted, outbox: new FeedOutbox((news) => void posted.push(news)) }
}

/** Whether a promise is settled once everything that waits for nothing else has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => {
    settled = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

test('what a batch holds goes as one message, and the next waits until it was heeded', async () => {
  const { posted, outbox } = createOutbox()
  outbox.add(changed(1))
  outbox.add(changed(2))
  const heeded = outbox.heededAll()
  expect(posted).toEqual([{ kind: 'feed', number: 1, events: [changed(1), changed(2)] }])
  expect(await isSettled(heeded)).toBe(false)
  outbox.heeded(1)
  expect(await isSettled(heeded)).toBe(true)
})

test('a gap goes at once and in its place, and the batch is not heeded before its last part', async () => {
  const { posted, outbox } = createOutbox()
  outbox.add(changed(1))
  outbox.add(gap)
  outbox.send()
  outbox.add(changed(2))
  const heeded = outbox.heededAll()
  expect(posted.flatMap(({ events }) => events)).toEqual([changed(1), gap, changed(2)])
  outbox.heeded(1)
  expect(await isSettled(heeded)).toBe(false)
  outbox.heeded(2)
  expect(await isSettled(heeded)).toBe(true)
})

test('nothing is posted and nothing waited for when a batch told nothing', async () => {
  const { posted, outbox } = createOutbox()
  expect(await isSettled(outbox.heededAll())).toBe(true)
  expect(posted).toEqual([])
})

test('a batch that tells nothing still waits for what went before it', async () => {
  const { outbox } = createOutbox()
  outbox.add(gap)
  outbox.send()
  const heeded = outbox.heededAll()
  expect(await isSettled(heeded)).toBe(false)
  outbox.heeded(1)
  expect(await isSettled(heeded)).toBe(true)
})
