/** Overload of a real server, in a thread of its own as it has a process of its own: a client in its loop would drain it. */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'

const workMs = 4
/** All of them together wait more than six times as long as one may. */
const visitors = 50
const shedTurnMsMax = 30

interface Answer {
  readonly path: string
  readonly status: number | undefined
  readonly retryAfter: string | undefined
}

async function startBusyServer() {
  const worker = new Worker(new URL('../test/busy-server.ts', import.meta.url), {
    workerData: { workMs, shedTurnMsMax },
  })
  const [url] = (await once(worker, 'message')) as [string]
  const agent = new Agent({ keepAlive: true })
  const get = (path: string) =>
    new Promise<Answer>((resolve, reject) => {
      request(`${url}${path}`, { agent }, (answer) => {
        const { statusCode: status, headers } = answer
        answer.resume().once('end', () => resolve({ path, status, retryAfter: headers['retry-after'] }))
      })
        .once('error', reject)
        .end()
    })
  return {
    get,
    async stop() {
      agent.destroy()
      worker.postMessage('stop')
      const [last] = (await once(worker, 'message')) as [{ begun: number; metrics: string }]
      await once(worker, 'exit')
      return last
    },
  }
}

/** Counts and no times: how fast this machine is at the moment must not decide. */
test('more than can be answered in time is refused in part, low priority first; then all is answered again', async () => {
  const server = await startBusyServer()
  const answers: Answer[] = []
  let left = 1_500
  const visit = async (path: string) => {
    while (left > 0) {
      left -= 1
      answers.push(await server.get(path))
    }
  }
  const visiting = Array.from({ length: visitors }, (_none, one) =>
    visit(one % 5 === 0 ? '/export' : '/work'),
  )
  const probing = (async () => {
    while (left > 0) expect((await server.get('/probe')).status, 'exempt routes are never refused').toBe(200)
  })()
  await Promise.all([...visiting, probing])

  const refused = answers.filter(({ status }) => status === 503)
  const served = answers.filter(({ status }) => status === 200)
  expect(refused.length + served.length).toBe(answers.length)
  expect(refused.length).toBeGreaterThan(answers.length / 10)
  expect(refused.every(({ retryAfter }) => retryAfter === '1')).toBe(true)
  expect(served.length).toBeGreaterThan(visitors / 2)
  const partServed = (path: string) =>
    served.filter((answer) => answer.path === path).length /
    answers.filter((answer) => answer.path === path).length
  expect(partServed('/export')).toBeLessThan(partServed('/work'))

  await expect.poll(async () => (await server.get('/work')).status, { timeout: 30_000 }).toBe(200)
  for (let one = 0; one < 50; one += 1) expect((await server.get('/work')).status).toBe(200)
  const last = await server.stop()
  expect(last.begun, 'who is refused costs no work').toBe(served.length + 51)
  for (const [priority, path] of [
    ['normal', '/work'],
    ['low', '/export'],
  ]) {
    const counted = Number(last.metrics.match(new RegExp(`shed_total\\{.*"${priority}"\\} (\\d+)`))?.[1])
    expect(counted).toBeGreaterThanOrEqual(refused.filter((answer) => answer.path === path).length)
    const measured = `_count{service="example",route="${path}",method="GET",code="503"} ${counted}`
    expect(last.metrics, 'a refused request is a bad one of its route').toContain(measured)
  }
}, 120_000)
