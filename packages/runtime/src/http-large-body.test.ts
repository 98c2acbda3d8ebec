import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
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

test.each([
  ['no HTTP at all', 'hello\r\n\r\n', 400, 'invalid-request', 'request'],
  [
    'a URL of 100,000 characters',
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    414,
    'uri-too-long',
    'url',
  ],
  [
    'a URL just too long, which comes with its headers,',
    `GET /${'a'.repeat(17_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    414,
    'uri-too-long',
    'url',
  ],
  [
    'a header of 100,000 characters',
    `GET /a HTTP/1.1\r\nhost: a\r\ncookie: ${'a'.repeat(100_000)}\r\n\r\n`,
    431,
    'headers-too-large',
    'headers',
  ],
  [
    'a thousand headers behind a long URL',
    `GET /${'a'.repeat(8_000)} HTTP/1.1\r\n${'GET: /a\r\n'.repeat(1_500)}\r\n`,
    431,
    'headers-too-large',
    'headers',
  ],
  [
    'a second URL that is too long',
    `GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /${'a'.repeat(17_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    414,
    'uri-too-long',
    'url',
  ],
  [
    'a path that cannot be decoded',
    'GET /%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    400,
    'invalid-request',
    'url',
  ],
])('%s is answered with a problem', async (_name, bytes, status, code, field) => {
  const options = { bodyLimitBytes: 1_000, requestTimeoutMs: 10_000 }
  const server = createHttpServer({ log: silentLogger(), metrics: new Metrics('example'), ...options })
  await using listening = await listen(server, '127.0.0.1', 0)
  const socket = connect(listening.port, '127.0.0.1')
  socket.write(bytes)
  const answer = await text(socket)
  expect(answer).toContain(`HTTP/1.1 ${status} `)
  expect(JSON.parse(answer.slice(answer.lastIndexOf('{')))).toMatchObject({ status, code, field })
})
