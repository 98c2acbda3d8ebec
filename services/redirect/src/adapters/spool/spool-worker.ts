/**
 * The thread that sends clicks: it reads the segments, speaks with Kafka, and removes what was sent long enough ago.
 * Redirects never wait for it, and encoding and checksumming messages does not hold them up.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { sleep } from '@linkfleet/runtime/backoff'
import { openKafka } from '@linkfleet/runtime/kafka'
import { createLogger } from '@linkfleet/runtime/log'
import { sentKeptMs } from '../../domain/spool/spool-sender.ts'
import { openClickTopicKafka } from './click-topic-kafka.ts'
import { FolderSender } from './folder-sender.ts'
import type { WorkerOptions, WorkerReport, WorkerRequest } from './worker-messages.ts'

const options = workerData as WorkerOptions
const port = parentPort!
const log = createLogger('redirect', options.instance, options.logLevel)
const kafka = openKafka({ brokers: options.brokers, clientId: options.instance, log })
const topic = openClickTopicKafka(kafka, options.topic, options.partitions)
const folders = new Map<string, FolderSender>()
const stepEveryMs = 20
const reportEveryMs = 100
/** Above this part of its bound the spool no longer keeps what was sent. */
const pressurePart = 0.75

let hurry = false
let closing = false
let spoolBytes = 0
let reportedAtMs = 0

port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'folder') {
    const { path, producerId, own } = request
    folders.set(
      path,
      new FolderSender({
        path,
        producerId: Buffer.from(producerId),
        own,
        topic,
        log,
        bootId: Buffer.from(options.bootId),
        setAsideDir: options.setAsideDir,
      }),
    )
  } else if (request.kind === 'grown') {
    folders.get(request.path)?.extend(request.segment, request.bytes, request.sealed)
    spoolBytes = request.spoolBytes
  } else if (request.kind === 'hurry') hurry = true
  else closing = true
})

function report(nowMs: number): void {
  reportedAtMs = nowMs
  const message: WorkerReport = {
    kafka: topic.state(),
    folders: [...folders].map(([path, folder]) => folder.report(path)),
  }
  port.postMessage(message)
}

async function forgetFinished(): Promise<void> {
  for (const [path, folder] of folders) {
    if (!folder.isFinished) continue
    await folder.close()
    folders.delete(path)
    port.postMessage({ kafka: topic.state(), folders: [{ ...folder.report(path), finished: true }] })
  }
}

while (!closing) {
  const keepMs = spoolBytes > options.spoolBytesMax * pressurePart ? 0 : sentKeptMs
  for (const folder of folders.values()) await folder.step(hurry, keepMs)
  await forgetFinished()
  const nowMs = Date.now()
  if (hurry || nowMs - reportedAtMs >= reportEveryMs) report(nowMs)
  await sleep(stepEveryMs)
}
for (const folder of folders.values()) await folder.close()
report(Date.now())
// What is still on its way at Kafka is sent again by the next start; waiting for it is not worth more than this.
await Promise.race([topic.close(), sleep(500)])
process.exit(0)
