/**
 * The thread that sends clicks: it reads the segments, speaks with Kafka, and removes what was sent long enough ago.
 * Redirects never wait for it, and encoding and checksumming messages does not hold them up.
 */
import { flushCompileCache } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { sleep } from '@linkfleet/runtime/backoff'
import { openKafka } from '@linkfleet/runtime/kafka'
import { createLogger } from '@linkfleet/runtime/log'
import { startTracing } from '@linkfleet/runtime/tracing/tracing'
import { sentKeptMs } from '../../domain/spool/spool-sender.ts'
import { openClickTopicKafka } from './click-topic-kafka.ts'
import { FolderSender } from './folder-sender.ts'
import type { WorkerOptions, WorkerReport, WorkerRequest } from './worker-messages.ts'

const options = workerData as WorkerOptions
const port = parentPort!
const log = createLogger('redirect', options.instance, options.logLevel)
// A thread has modules of its own, and with them a tracer of its own.
const tracing = await startTracing('redirect', options.instance)
const kafka = openKafka({ brokers: options.brokers, clientId: options.instance, log })
const topic = openClickTopicKafka(kafka, options.topic, options.partitions)
const ownFolders = new Map<string, FolderSender>()
/** The first that hold unsent clicks are being sent; the others wait for their turn, so that memory is bounded. */
const adoptedFolders = new Map<string, FolderSender>()
/** Clicks wait longer than this for company anyway, and a step costs as much as fifty of them. */
const stepEveryMs = 100
/** While whole batches wait, or the process is about to end. */
const stepBehindEveryMs = 10
const reportEveryMs = 100
const adoptedAtOnceMax = 2
/** How long an adopted folder is sent before others have their turn: one may wait for a partition without leader. */
const turnMs = 10_000

let hurry = false
let closing = false
let pressed = false
let reportedAtMs = 0
let turnEndsAtMs = 0

port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'folder') addFolder(request)
  else if (request.kind === 'grown') {
    ownFolders.get(request.path)?.extend(request.segment, request.bytes, request.sealed)
  } else if (request.kind === 'pressed') pressed = request.pressed
  else if (request.kind === 'hurry') hurry = true
  else closing = true
})

function addFolder({ path, producerId, own }: Extract<WorkerRequest, { kind: 'folder' }>): void {
  const folder = new FolderSender({
    path,
    producerId: Buffer.from(producerId),
    own,
    topic,
    log,
    bootId: Buffer.from(options.bootId),
    setAsideDir: options.setAsideDir,
  })
  if (own) ownFolders.set(path, folder)
  else {
    adoptedFolders.set(path, folder)
    void folder.measure()
  }
}

function report(nowMs: number): void {
  reportedAtMs = nowMs
  const folders = [...ownFolders, ...adoptedFolders]
  const message: WorkerReport = {
    kafka: topic.state(),
    folders: folders.map(([path, folder]) => folder.report(path)),
  }
  port.postMessage(message)
}

async function forgetFinished(): Promise<void> {
  for (const [path, folder] of adoptedFolders) {
    if (!folder.isFinished) continue
    adoptedFolders.delete(path)
    port.postMessage({ kafka: topic.state(), folders: [{ ...folder.report(path), finished: true }] })
  }
}

async function stepAdopted(nowMs: number, keepMs: number): Promise<void> {
  const all = [...adoptedFolders]
  for (const [, folder] of all) if (folder.isSent) await folder.step(hurry, keepMs)
  const unsent = all.filter(([, folder]) => !folder.isSent)
  if (unsent.length <= adoptedAtOnceMax) turnEndsAtMs = nowMs + turnMs
  for (const [path, folder] of unsent.slice(0, adoptedAtOnceMax)) {
    if (nowMs < turnEndsAtMs) await folder.step(hurry, keepMs)
    else if (await folder.rest()) {
      // To the end of the line.
      adoptedFolders.delete(path)
      adoptedFolders.set(path, folder)
      turnEndsAtMs = nowMs + turnMs
    }
  }
}

// What Node keeps compiled of this thread's modules stays in memory until it is written.
flushCompileCache()
while (!closing) {
  const keepMs = pressed ? 0 : sentKeptMs
  for (const folder of ownFolders.values()) await folder.step(hurry, keepMs)
  const nowMs = performance.now()
  await stepAdopted(nowMs, keepMs)
  await forgetFinished()
  if (hurry || nowMs - reportedAtMs >= reportEveryMs) report(nowMs)
  const folders = [...ownFolders.values(), ...adoptedFolders.values()]
  await sleep(hurry || folders.some(({ isBehind }) => isBehind) ? stepBehindEveryMs : stepEveryMs)
}
for (const folder of [...ownFolders.values(), ...adoptedFolders.values()]) await folder.close()
report(performance.now())
// What is still on its way at Kafka is sent again by the next start; waiting for it is not worth more than this.
await Promise.race([Promise.all([topic.close(), tracing[Symbol.asyncDispose]()]), sleep(500)])
process.exit(0)
