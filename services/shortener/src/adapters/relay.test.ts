import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import type { OutboxSession, PendingChange } from '../ports.ts'
import { startRelay } from './relay.ts'

/** An outbox in memory, of changes that Redis has already. */
function outboxOf(versions: readonly number[]) {
  const waiting = new Map<number, PendingChange>()
  for (const version of versions) {
    const copy = liveLink(`code${version}`, version)
    waiting.set(version, { version, copy, asOfMs: 1, redisDone: true, kafkaDone: false })
  }
  const session: OutboxSession = {
    tryLead: async () => true,
    deposeFrozen: async () => false,
    stamp: async () => {},
    beat: async () => {},
    async snapshot({ kafka }) {
      const changes = [...waiting.values()].slice(0, kafka)
      const moment = { asOfMs: 1, takenAtMs: 1, timeline: 1, heartbeatMs: 1 }
      return { changes, ...moment, isCompleteForRedis: true, isCompleteForKafka: changes.length < kafka }
    },
    async settle({ kafka }) {
      for (const version of kafka) waiting.delete(version)
    },
    backlog: async () => ({
      redis: { changes: 0, oldestSeconds: 0 },
      kafka: { changes: waiting.size, oldestSeconds: 0 },
    }),
    prune: async () => false,
    close: async () => {},
  }
  return { session, waiting }
}

const silent = {
  becameActive() {},
  deposedFrozen() {},
  lostSession() {},
  redisFailed() {},
  relayed() {},
  backlog() {},
}

test('changes of a partition that has no leader do not keep others from being published, however many they are', async () => {
  const versions = Array.from({ length: 3_000 }, (_, index) => index + 1)
  const { session, waiting } = outboxOf(versions)
  // The oldest 2,500 are of the partition that nobody leads.
  const isStuck = (version: number) => version <= 2_500
  await using _relay = startRelay({
    instance: 'a test',
    openSession: async () => session,
    createWatermarks: () => ({ apply: async () => ({ done: [], failure: undefined }) }),
    feed: {
      publish: async (changes) =>
        changes.map(({ version }) => version).filter((version) => !isStuck(version)),
    },
    events: silent,
  })
  await eventually(async () => ![...waiting.keys()].some((version) => !isStuck(version)))
  expect(waiting.size).toBe(2_500)
})

test('who leads anew names none of the marks from the time before', async () => {
  const marks: (number | undefined)[] = []
  let sessions = 0
  let beatsMs = 0
  const openSession = async (): Promise<OutboxSession> => {
    const { session } = outboxOf([])
    const isFirst = ++sessions === 1
    return {
      ...session,
      async snapshot(limits) {
        if (isFirst && marks.length === 2) throw new Error('The session was ended.')
        return {
          ...(await session.snapshot(limits)),
          heartbeatMs: ++beatsMs,
          isCompleteForKafka: limits.kafka > 0,
        }
      },
    }
  }
  await using _relay = startRelay({
    instance: 'a test',
    openSession,
    createWatermarks: () => ({ apply: async () => ({ done: [], failure: undefined }) }),
    feed: {
      async publish(_changes, marking) {
        if (marking === undefined) return []
        marks.push(marking.markOf(0, 1).previous?.offset)
        marking.acknowledged(0, 1, 100 + marks.length)
        return []
      },
    },
    events: silent,
  })
  await eventually(() => marks.length >= 4)
  expect(marks.slice(0, 4)).toEqual([undefined, 101, undefined, 103])
})
