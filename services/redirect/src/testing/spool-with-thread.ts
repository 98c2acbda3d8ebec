/** The thread that speaks with Kafka, as tests start it, and a spool with one of its own that sends its clicks. */
import { silentLogger } from '@linkfleet/runtime/log'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import { KafkaThread } from '../adapters/kafka-thread/kafka-thread.ts'
import type { WorkerOptions } from '../adapters/kafka-thread/messages.ts'
import { type ClickSpool, type ClickSpoolOptions, openClickSpool } from '../adapters/spool/click-spool.ts'
import { readBootId } from '../adapters/spool/spool-folder.ts'

type TestThreadOptions = Omit<WorkerOptions, 'instance' | 'logLevel'>

export function startTestThread(options: TestThreadOptions): KafkaThread {
  return new KafkaThread({ ...options, instance: 'test', logLevel: 'silent' }, silentLogger())
}

export interface SpoolWithThreadOptions extends Omit<ClickSpoolOptions, 'thread' | 'bootId' | 'log'> {
  readonly brokers: readonly string[]
  readonly topic: string
}

export async function openSpoolWithThread(options: SpoolWithThreadOptions): Promise<ClickSpool> {
  const { brokers, topic, partitionCount: partitions, spoolDir } = options
  const bootId = await readBootId()
  const thread = startTestThread({
    brokers,
    clicks: { topic, partitions },
    linkChanges: { topic: uniqueName('link-changes'), partitions: 1 },
    bootId,
    spoolDir,
  })
  return await openClickSpool({ ...options, thread, bootId, log: silentLogger() })
}
