/** A server for a thread of its own, each of whose answers takes the loop for `workMs`. Tells its URL, then its metrics. */
import { parentPort, workerData } from 'node:worker_threads'
import { createHttpServer, listen } from '../src/http.ts'
import { silentLogger } from '../src/log.ts'
import { Metrics } from '../src/metrics.ts'

const { workMs, shedTurnMsMax } = workerData as { workMs: number; shedTurnMsMax: number }
const metrics = new Metrics('example')
const server = createHttpServer({
  log: silentLogger(),
  metrics,
  bodyLimitBytes: 100,
  requestTimeoutMs: 30_000,
  shedTurnMsMax,
})
let begun = 0
const work = async () => {
  begun += 1
  const untilMs = performance.now() + workMs
  while (performance.now() < untilMs);
  return 'done'
}
server.get('/work', work)
server.get('/export', { config: { priority: 'low' } }, work)
server.get('/probe', { config: { priority: 'exempt' } }, async () => 'alive')
const http = await listen(server, '127.0.0.1', 0)

parentPort?.on('message', async () => {
  await http[Symbol.asyncDispose]()
  parentPort?.postMessage({ begun, metrics: await metrics.registry.metrics() })
  parentPort?.close()
})
parentPort?.postMessage(http.url)
