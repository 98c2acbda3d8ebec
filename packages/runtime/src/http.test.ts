import { LinkfleetError } from '@linkfleet/contracts/errors'
import { expect, test } from 'vitest'
import { createHttpServer } from './http.ts'
import { compileRequestPart } from './http-schemas.ts'
import { silentLogger } from './log.ts'
import { Metrics } from './metrics.ts'

function createServer() {
  const metrics = new Metrics('example')
  const server = createHttpServer({
    log: silentLogger(),
    metrics,
    compileSchema: compileRequestPart,
    bodyLimitBytes: 200,
    requestTimeoutMs: 1_000,
  })
  const body = {
    type: 'object',
    required: ['url'],
    additionalProperties: false,
    properties: {
      url: { type: 'string', maxLength: 20 },
      tags: { type: 'array', items: { type: 'string' } },
    },
  }
  server.post('/things/:name', { schema: { body } }, async () => ({ ok: true }))
  server.get('/a/:code', { config: { statuses: [302, 404] } }, async () => ({}))
  server.get('/fails', async () => {
    throw new Error('the password is hunter2')
  })
  server.get('/parses', async () => JSON.parse('{'))
  server.get('/away', async () => {
    throw new LinkfleetError('unavailable', 'Come back.', { retryAfterSeconds: 2 })
  })
  return { server, metrics }
}

const json = { 'content-type': 'application/json' }

test.each([
  ['no url', '{}', 400, 'invalid-request', 'url'],
  ['a number as url', '{"url":1}', 400, 'invalid-request', 'url'],
  ['a long url', `{"url":"${'a'.repeat(21)}"}`, 400, 'invalid-request', 'url'],
  ['an unknown field', '{"url":"a","ulr":"b"}', 400, 'invalid-request', 'ulr'],
  ['a wrong item', '{"url":"a","tags":["a",{}]}', 400, 'invalid-request', 'tags.1'],
  ['no JSON', '{"url":', 400, 'invalid-json', 'body'],
  ['an empty body', '', 400, 'invalid-json', 'body'],
  ['a large body', `{"url":"${'a'.repeat(300)}"}`, 413, 'body-too-large', 'body'],
])('%s is answered with a problem that names the field', async (_name, payload, status, code, field) => {
  const { server } = createServer()
  const answer = await server.inject({ method: 'POST', url: '/things/a', headers: json, payload })
  expect(answer.headers['content-type']).toContain('application/problem+json')
  expect(answer.json()).toMatchObject({ status, code, field })
  expect(answer.statusCode).toBe(status)
})

test('an unknown field with a long name is told by its beginning', async () => {
  const { server } = createServer()
  const payload = `{"url":"a","${'x'.repeat(150)}":1}`
  const answer = await server.inject({ method: 'POST', url: '/things/a', headers: json, payload })
  const field = `${'x'.repeat(64)}…`
  expect(answer.json()).toMatchObject({ status: 400, field, detail: `${field} is not a known field.` })
})

test('another content type is answered 415', async () => {
  const { server } = createServer()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await server.inject({ method: 'POST', url: '/things/a', headers, payload: 'url=a' })
  expect(answer.json()).toMatchObject({ status: 415, code: 'unsupported-media-type', field: 'content-type' })
})

test.each(['/fails', '/parses'])(
  'an unexpected error of %s is answered 500 and tells nothing of its cause',
  async (url) => {
    const { server } = createServer()
    const answer = await server.inject(url)
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('hunter2')
    expect(answer.json()).toMatchObject({ code: 'internal' })
  },
)

test('a retry hint becomes the header Retry-After', async () => {
  const { server } = createServer()
  const answer = await server.inject('/away')
  expect(answer.statusCode).toBe(503)
  expect(answer.headers['retry-after']).toBe('2')
})

test('durations carry the route, never the URL, and exist at 0 before the first request', async () => {
  const { server, metrics } = createServer()
  await server.ready()
  expect(await metrics.registry.metrics()).toContain(
    'http_request_duration_seconds_bucket{le="0.2",service="example",route="/things/:name",method="POST",code="200"} 0',
  )
  for (const code of [302, 404, 500, 503]) {
    expect(await metrics.registry.metrics()).toContain(
      `_count{service="example",route="/a/:code",method="GET",code="${code}"} 0`,
    )
  }
  await server.inject({ method: 'POST', url: '/things/secret-name', headers: json, payload: '{"url":"a"}' })
  await server.inject('/nowhere/secret-name')
  const text = await metrics.registry.metrics()
  expect(text).toContain('_count{service="example",route="/things/:name",method="POST",code="200"} 1')
  expect(text).toContain('route="none",method="GET",code="404"} 1')
  expect(text).not.toContain('secret-name')
})

test('a path that cannot be decoded is answered 400 and measured with those of no route', async () => {
  const { server, metrics } = createServer()
  const answer = await server.inject('/a/%zz')
  expect(answer.json()).toMatchObject({ status: 400, code: 'invalid-request', field: 'url' })
  const text = await metrics.registry.metrics()
  expect(text).toContain('_count{service="example",route="none",method="GET",code="400"} 1')
  const sum = /_sum\{service="example",route="none",method="GET",code="400"\} (\S+)/.exec(text)?.[1]
  expect(Number(sum)).toBeLessThan(60)
})

test('a server without a compiler of schemas does not start with a route that has one', async () => {
  const options = { metrics: new Metrics('example'), bodyLimitBytes: 200, requestTimeoutMs: 1_000 }
  const server = createHttpServer({ log: silentLogger(), ...options })
  server.get('/things', { schema: { querystring: { type: 'object' } } }, async () => ({}))
  await expect(server.ready()).rejects.toThrow('compileSchema')
})
