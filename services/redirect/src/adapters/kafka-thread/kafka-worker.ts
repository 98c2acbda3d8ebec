/**
 * The thread that speaks with Kafka. Redirects never wait for it: encoding, checksumming and decoding messages does not
 * hold them up.
 */
import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { sleep } from '@linkfleet/runtime/backoff'
import { openKafka } from '@linkfleet/runtime/kafka'
import { createLogger } from '@linkfleet/runtime/log'
import { startTracing } from '@linkfleet/runtime/tracing/tracing'
import { openClickTopicKafka } from '../spool/click-topic-kafka.ts'
import { FolderSenders } from '../spool/folder-senders.ts'
import { setAsideDirOf } from '../spool/spool-folder.ts'
import { FeedOutbox } from './feed-outbox.ts'
import { openLinkChangesKafka } from './link-changes-kafka.ts'
import type { FolderReport, WorkerMessage, WorkerOptions, WorkerRequest } from './messages.ts'

const options = workerData as WorkerOptions
const { instance, logLevel, brokers, clicks, linkChanges } = options
const port = parentPort!
const log = createLogger('redirect', instance, logLevel)
// A thread has modules of its own, and with them a tracer of its own.
const tracing = await startTracing('redirect', instance)
const kafka = openKafka({ brokers, clientId: instance, log })
const topic = openClickTopicKafka(kafka, clicks.topic, clicks.partitions)
const senders = new FolderSenders({
  topic,
  log,
  bootId: Buffer.from(options.bootId),
  setAsideDir: setAsideDirOf(options.spoolDir),
})
const outbox = new FeedOutbox(post)
const feed = openLinkChangesKafka({
  ...linkChanges,
  kafka,
  instance,
  log,
  changed: (change) => outbox.add({ kind: 'changed', change }),
  marked: (mark, partition, offset) => outbox.add({ kind: 'marked', mark, partition, offset }),
  gap: (reason) => {
    outbox.add({ kind: 'gap', reason })
    outbox.send()
  },
  heeded: () => outbox.heededAll(),
})
/** Clicks wait longer than this for company anyway, and a step costs as much as fifty of them. */
const stepEveryMs = 100
/** While whole batches wait, or the process is about to end. */
const stepBehindEveryMs = 10
const reportEveryMs = 100

let closing = false
let reportedAtMs = 0

port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'close') closing = true
  else if (request.kind === 'heeded') outbox.heeded(request.number)
  else senders.take(request)
})

function post(message: WorkerMessage): void {
  port.postMessage(message)
}

function report(folders: readonly FolderReport[]): void {
  post({ kind: 'report', clicks: topic.state(), feed: feed.state(), folders })
}

// What Node keeps compiled of this thread's modules stays in memory until it is written.
flushCompileCache()
while (!closing) {
  const finished = await senders.step()
  if (finished.length > 0) report(finished)
  const nowMs = performance.now()
  if (senders.hurries || nowMs - reportedAtMs >= reportEveryMs) {
    reportedAtMs = nowMs
    report(senders.reports())
  }
  await sleep(senders.hurries || senders.areBehind ? stepBehindEveryMs : stepEveryMs)
}
await senders.close()
report(senders.reports())
// What is still on its way at Kafka is sent again by the next start; waiting for it is not worth more than this.
const ended = [topic.close(), feed[Symbol.asyncDispose](), tracing[Symbol.asyncDispose]()]
await Promise.race([Promise.all(ended), sleep(500)])
process.exit(0)
