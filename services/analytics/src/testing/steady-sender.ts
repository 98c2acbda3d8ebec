/** Sends batches of clicks until it is told to stop, some of them twice, and knows how many distinct clicks it sent. */
import { setTimeout as delay } from 'node:timers/promises'
import { message, producerId, run } from './clicks.ts'
import type { Fixture } from './fixture.ts'

const clicksPerMessage = 20
const messagesPerSend = 5
const everyMs = 20
const twiceEach = 20
const codesOfPartition = 15

export interface SteadySender {
  /** Stops, and resolves to the number of distinct clicks that were acknowledged. */
  stop(): Promise<number>
}

export function startSteadySender(fixture: Fixture): SteadySender {
  const stopping = new AbortController()
  const sending = sendUntil(fixture, stopping.signal)
  // It is awaited when the test is done with it.
  sending.catch(() => {})
  return {
    async stop() {
      stopping.abort()
      return await sending
    },
  }
}

async function sendUntil(fixture: Fixture, stop: AbortSignal): Promise<number> {
  const atMs = Date.now()
  let sent = 0
  for (let round = 0; !stop.aborted; round++) {
    const partition = round % fixture.partitions
    const start = Math.floor(round / fixture.partitions) * messagesPerSend * clicksPerMessage + 1
    const values = Array.from({ length: messagesPerSend }, (_none, index) => {
      const first = start + index * clicksPerMessage
      // All clicks of a code travel in one partition.
      const fields = { atMs, code: `p${partition}x${(round + index) % codesOfPartition}` }
      return message(producerId(partition), run(first, first + clicksPerMessage - 1, fields))
    })
    await fixture.send(partition, round % twiceEach === 0 ? [...values, ...values] : values)
    sent += messagesPerSend * clicksPerMessage
    await delay(everyMs)
  }
  return sent
}
