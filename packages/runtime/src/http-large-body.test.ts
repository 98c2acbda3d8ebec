import { expect, test } from 'vitest'
import { createHttpServer, listen } from './http.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'

test('a client that sends 10 MB too much still reads the answer', async () => {
  const options = { bodyLimitBytes: 1_000, requestTimeoutMs: 10_000 }
  const server = createHttpServer({ log: silentLogger(), metrics: new Metrics('example'), ...options })
  server.post('/', async () => ({ ok: true }))
  await using listening = await listen(server, '127.0.0.1', 0)
  for (let attempt = 0; attempt < 5; attempt++) {
    const body = `"${'a'.repeat(10 * 1024 * 1024)}"`
    const answer = await fetch(listening.url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
    expect(await answer.json()).toMatchObject({ status: 413, code: 'body-too-large', field: 'body' })
  }
})
