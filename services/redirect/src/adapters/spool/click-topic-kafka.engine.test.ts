import { openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { openClickTopicKafka } from './click-topic-kafka.ts'

test('a topic that was deleted is made again, and clicks go to it', async () => {
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const name = uniqueName('clicks')
  const topic = openClickTopicKafka(kafka, name, 2)
  const admin = kafka.admin()
  await admin.connect()
  await topic.send(1, Buffer.from('before'))
  await admin.deleteTopics({ topics: [name] })
  await eventually(async () => !(await admin.listTopics()).includes(name))

  const trySend = () =>
    topic.send(1, Buffer.from('after')).then(
      () => true,
      () => false,
    )
  await eventually(trySend, { withinMs: 30_000 })
  expect(topic.state()).toBe('up')
  const offsets = await admin.fetchTopicOffsets(name)
  expect(offsets.find(({ partition }) => partition === 1)?.high).toBe('1')
  await admin.disconnect()
  await topic.close()
})
