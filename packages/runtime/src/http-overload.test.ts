import { Agent, request as ask } from 'node:http'
import { expect, test } from 'vitest'
import { createHttpServer, listen } from './http.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'

const workMs = 4
const connections = 50

interface Answer {
  readonly status: number | undefined
  readonly retryAfter: string | undefined
}

function get(url: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    ask(url, { agent }, (answer) => {
      const { statusCode: status, headers } = answer
      answer.resume().once('end', () => resolve({ status, retryAfter: headers['retry-after'] }))
    })
      .once('error', reject)
      .end()
  })
}

/** Counts and no times: how fast this machine is at the moment must not decide. */
test('while more comes than can be answered in time, a part is answered and the rest refused; then all are again', async () => {
  const metrics = new Metrics('example')
  const server = createHttpServer({
    log: silentLogger(),
    metrics,
    bodyLimitBytes: 100,
    requestTimeoutMs: 30_000,
    shedTurnMsMax: 30,
  })
  let begun = 0
  server.get('/work', async () => {
    begun += 1
    const untilMs = performance.now() + workMs
    while (performance.now() < untilMs);
    return 'done'
  })
  server.get('/probe', { config: { priority: 'exempt' } }, async () => 'alive')
  await using http = await listen(server, '127.0.0.1', 0)
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers: Answer[] = []
  // All at once, again and again: each round is 200 ms of work.
  for (let round = 0; round < 8; round += 1) {
    const all = Array.from({ length: connections }, () => get(`${http.url}/work`, agent))
    const probe = get(`${http.url}/probe`, agent)
    answers.push(...(await Promise.all(all)))
    expect((await probe).status, 'exempt routes are never refused').toBe(200)
  }
  const refused = answers.filter(({ status }) => status === 503)
  const served = answers.filter(({ status }) => status === 200)
  expect(refused.length + served.length).toBe(answers.length)
  expect(refused.length).toBeGreaterThan(answers.length / 10)
  expect(refused.every(({ retryAfter }) => retryAfter === '1')).toBe(true)
  expect(served.length).toBeGreaterThan(connections / 2)
  expect(begun, 'who is refused costs no work').toBe(served.length)
  expect(await metrics.registry.metrics()).toContain(
    `http_requests_shed_total{service="example",priority="normal"} ${refused.length}`,
  )
  await expect.poll(async () => (await get(`${http.url}/work`, agent)).status).toBe(200)
  for (let one = 0; one < 50; one += 1) expect((await get(`${http.url}/work`, agent)).status).toBe(200)
  agent.destroy()
}, 120_000)
