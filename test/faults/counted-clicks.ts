/**
 * Clicks whose every sum is known beforehand, and their sending as redirect does it: one message in flight for each
 * partition, the same message again until it is acknowledged, and now and then one that was acknowledged long ago.
 */
import { randomBytes } from 'node:crypto'
import {
  type ClickFields,
  clickRecordBytesMax,
  encodeClickRecord,
  frameClickBatch,
  producerIdBytes,
} from '@linkfleet/contracts/clicks'
import { partitionOf } from '@linkfleet/contracts/partition'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import type { Kafka } from '@linkfleet/runtime/kafka'
import { eventually } from '@linkfleet/testkit/eventually'
import { seededRandom } from '@linkfleet/testkit/seeded-random'

const random = seededRandom()

const producerCount = 3
const clicksPerMessage = 250
/** Of those that were acknowledged; any of them may be sent again. */
const rememberedMax = 50
const shareSentTwice = 0.05
const acknowledgedWithinMs = 120_000
const codeCount = 200
const visitorCount = 40
const dayMs = 86_400_000

const countries = ['DE', 'FR', 'US', 'JP', 'BR', 'IN', 'GB']
const hosts = ['news.example', 'search.example', 'social.example']
const agents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
  'Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0',
]
/** Their first bits differ, so that no two share a register of a sketch and every count of them is exact. */
const visitors = Array.from({ length: visitorCount }, (_none, index) =>
  Buffer.concat([Buffer.of(index), randomBytes(15)]),
)

/** What the database must hold in the end, by what it is asked for. */
export class ExpectedClicks {
  clicks = 0
  readonly byCode = new Map<string, number>()
  readonly byCountry = new Map<string, number>()
  readonly #visitors = new Set<string>()

  add({ code, country, atMs }: ClickFields, visitor: number): void {
    this.clicks += 1
    this.byCode.set(code, (this.byCode.get(code) ?? 0) + 1)
    this.byCountry.set(country, (this.byCountry.get(country) ?? 0) + 1)
    this.#visitors.add(`${code} ${Math.floor(atMs / dayMs)} ${visitor}`)
  }

  /** Of each link and day, added up. */
  get visitors(): number {
    return this.#visitors.size
  }
}

export interface ClickSender extends AsyncDisposable {
  readonly expected: ExpectedClicks
  readonly sentTwice: () => number
  /** Resolves when Kafka has acknowledged so many more clicks. */
  send(clicks: number): Promise<void>
}

interface Message {
  readonly partition: number
  readonly value: Buffer
}

export async function openClickSender(kafka: Kafka, topic: string, partitions: number): Promise<ClickSender> {
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 2 } })
  await producer.connect()
  const producerIds = Array.from({ length: producerCount }, () => randomBytes(producerIdBytes))
  const expected = new ExpectedClicks()
  const remembered: Message[] = []
  const startedMs = Date.now()
  let sequence = 0
  let again = 0

  async function acknowledged({ partition, value }: Message): Promise<void> {
    const send = () => producer.send({ topic, acks: -1, timeout: 5_000, messages: [{ partition, value }] })
    await eventually(() => send().then(() => true), { withinMs: acknowledgedWithinMs, everyMs: 200 })
  }

  async function sendAll(partition: number, messages: readonly Message[]): Promise<void> {
    for (const message of messages) {
      await acknowledged(message)
      remembered.push(message)
      if (remembered.length > rememberedMax) remembered.shift()
      if (random() >= shareSentTwice) continue
      // Right away, or one of long ago: both are what a spool that was not told of its success sends.
      const ofPartition = remembered.filter((one) => one.partition === partition)
      again += 1
      await acknowledged(ofPartition[Math.floor(random() * ofPartition.length)] ?? message)
    }
  }

  return {
    expected,
    sentTwice: () => again,
    async send(clicks) {
      const records = Array.from({ length: partitions }, () => producerIds.map((): Buffer[] => []))
      for (let index = 0; index < clicks; index++) {
        sequence += 1
        const visitor = Math.floor(random() * visitorCount)
        const fields = clickOf(sequence, startedMs, visitor)
        expected.add(fields, visitor)
        const room = Buffer.alloc(clickRecordBytesMax)
        const record = Buffer.from(room.subarray(0, encodeClickRecord(room, 0, fields)))
        records[partitionOf(1, fields.code, partitions)]?.[sequence % producerCount]?.push(record)
      }
      await Promise.all(
        records.map(async (ofPartition, partition) => {
          const messages = ofPartition.flatMap((own, index) => framed(producerIds[index] as Buffer, own))
          await sendAll(
            partition,
            messages.map((value) => ({ partition, value })),
          )
        }),
      )
    },
    [Symbol.asyncDispose]: () => producer.disconnect(),
  }
}

function framed(producerId: Buffer, records: readonly Buffer[]): Buffer[] {
  const messages: Buffer[] = []
  for (let from = 0; from < records.length; from += clicksPerMessage) {
    messages.push(frameClickBatch(producerId, records.slice(from, from + clicksPerMessage)))
  }
  return messages
}

/** Few links get most of the clicks; every click has a country, a referrer, a browser and a language. */
function clickOf(sequence: number, nowMs: number, visitor: number): ClickFields {
  const chance = random()
  return {
    ...plainClick,
    sequence,
    // Of two days.
    atMs: nowMs - (sequence % 2) * dayMs,
    code: `counted-${Math.floor(chance * chance * codeCount)}`,
    visitor: visitors[visitor],
    country: countries[sequence % countries.length] ?? '',
    referrerHost: hosts[sequence % hosts.length] ?? '',
    userAgent: agents[sequence % agents.length] ?? '',
    language: 'de-AT',
  }
}
