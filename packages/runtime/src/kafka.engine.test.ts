import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { expect, test } from 'vitest'
import { ensureTopics, openKafka } from './kafka.ts'
import { silentLogger } from './log.ts'

test('a topic is made with its partitions, and left as it is when it is there already', async () => {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const topic = uniqueName('topic')
  await ensureTopics(kafka, [{ topic, partitions: 3 }])
  await ensureTopics(kafka, [{ topic, partitions: 7 }])
  const admin = kafka.admin()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(3)
  } finally {
    await admin.deleteTopics({ topics: [topic] })
    await admin.disconnect()
  }
})

test('when no broker answers, it fails instead of waiting for ever', async () => {
  const kafka = openKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', log: silentLogger() })
  await expect(ensureTopics(kafka, [{ topic: 'any', partitions: 1 }])).rejects.toThrow()
})
