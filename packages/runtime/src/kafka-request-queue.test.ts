/** The patched queue of requests of kafkajs, one for each connection: it wakes for what waits in it, and for nothing else. */
import { createRequire } from 'node:module'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

interface RequestQueue {
  push(request: { entry: object; expectResponse: boolean; sendRequest: () => void }): void
  fulfillRequest(response: { correlationId: number; payload: object; size: number }): void
  maybeThrottle(milliseconds: number): void
}

const require = createRequire(import.meta.url)
const KafkaRequestQueue: new (options: object) => RequestQueue = require('kafkajs/src/network/requestQueue')
const requestsMax = 2

let queue: RequestQueue
let sent: number[]

beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  const logger = { debug() {}, warn() {} }
  queue = new KafkaRequestQueue({ maxInFlightRequests: requestsMax, requestTimeout: 30_000, logger })
})
afterEach(() => vi.useRealTimers())

const push = (correlationId: number) =>
  queue.push({
    entry: { correlationId, resolve() {}, reject() {} },
    expectResponse: true,
    sendRequest: () => sent.push(correlationId),
  })
const fulfill = (correlationId: number) => queue.fulfillRequest({ correlationId, payload: {}, size: 0 })

test('no timer runs while nothing waits', () => {
  push(1)
  expect(vi.getTimerCount()).toBe(0)
  fulfill(1)
  expect(sent).toEqual([1])
  expect(vi.getTimerCount()).toBe(0)
})

test('what waits for its turn is sent when an answer makes room', () => {
  for (const id of [1, 2, 3]) push(id)
  expect(sent).toEqual([1, 2])
  fulfill(1)
  expect(sent).toEqual([1, 2, 3])
  for (const id of [2, 3]) fulfill(id)
  vi.advanceTimersByTime(100)
  expect(vi.getTimerCount()).toBe(0)
})

test('what a broker asked to hold back is sent when its time has passed', () => {
  queue.maybeThrottle(500)
  push(1)
  vi.advanceTimersByTime(499)
  expect(sent).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sent).toEqual([1])
  expect(vi.getTimerCount()).toBe(0)
})
