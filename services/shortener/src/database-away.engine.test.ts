import type { Pool } from '@linkfleet/runtime/postgres'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { within } from './testing/deadline.ts'
import { callApi, openTestFleet, type TestFleet } from './testing/start.ts'
import { openTcpProxy, type TcpProxy } from './testing/tcp-proxy.ts'

let fleet: TestFleet
let proxy: TcpProxy
let shortener: Shortener
let pool: Pool

beforeAll(async () => {
  fleet = await openTestFleet()
  proxy = await openTcpProxy(fleet.database.url)
  shortener = await fleet.start({ DATABASE_URL: proxy.url })
  pool = openTestPool(fleet.database.url, { maxConnections: 2, statementTimeoutMs: 5_000 })
  await works()
})
afterEach(async () => {
  proxy.restore()
  await works()
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
  await proxy?.[Symbol.asyncDispose]()
})

const body = { url: 'https://example.com/' }
const create = (headers: Record<string, string> = {}, fields: Record<string, unknown> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links', { ...body, ...fields }, headers)
const works = () => eventually(async () => (await callApi(shortener, 'GET', '/api/v1/links')).status === 200)
/** The bound of an answer and room for a busy machine; without the bound a statement takes longer than this. */
const answerDeadlineMs = 2_000
const count = async (alias: string) =>
  (await pool.query({ text: 'SELECT 1 FROM links.links WHERE code = $1', values: [alias] })).rowCount

describe('without the primary', () => {
  it.each([
    ['cut', 'not-created'],
    // Whether a server that says nothing has committed cannot be known here.
    ['freeze', 'outcome-unknown'],
  ] as const)('(%s) a create is answered "%s", and nothing is made', async (how, code) => {
    proxy[how]()
    const answer = await within(answerDeadlineMs, () => create({}, { alias: `not-made-${how}` }))
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.body.code).toBe(code)
    expect(await count(`not-made-${how}`)).toBe(0)
  })

  it.each([
    ['its first statement', 'claim-bulk'],
    ['its links', 'insert-plain-links'],
    ['its commit', 'COMMIT'],
  ])('a bulk that is under way when the primary freezes at %s is answered in time', async (_name, text) => {
    const links = Array.from({ length: 20 }, (_none, n) => ({ url: `https://example.com/frozen/${n}` }))
    const headers = { 'idempotency-key': `frozen at ${text}` }
    proxy.freezeAt(text)
    const answer = await within(answerDeadlineMs, () =>
      callApi(shortener, 'POST', '/api/v1/links/bulk', { links }, headers),
    )
    expect(answer.status).toBe(503)
    expect(answer.body.code).toBe('outcome-unknown')
    proxy.restore()
    await eventually(
      async () => (await callApi(shortener, 'POST', '/api/v1/links/bulk', { links }, headers)).status === 200,
    )
  })

  it('a connection that is refused is "not-created"', async () => {
    proxy.cut()
    await create()
    expect((await create()).body.code).toBe('not-created')
  })

  it('a read, an edit and a delete are answered in time too', async () => {
    proxy.cut()
    for (const [method, path, content] of [
      ['GET', '/api/v1/links', undefined],
      ['GET', '/api/v1/links/abcdefg', undefined],
      ['PATCH', '/api/v1/links/abcdefg', { title: 'x' }],
      ['DELETE', '/api/v1/links/abcdefg', undefined],
    ] as const) {
      const answer = await within(answerDeadlineMs, () => callApi(shortener, method, path, content))
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('1')
    }
  })

  it('starts, and serves as soon as the primary is there', async () => {
    proxy.cut()
    const early = await fleet.start({ DATABASE_URL: proxy.url })
    expect((await callApi(early, 'POST', '/api/v1/links', body)).status).toBe(503)
    proxy.restore()
    await eventually(async () => (await callApi(early, 'POST', '/api/v1/links', body)).status === 201)
  })
})

describe('when the answer to COMMIT is lost', () => {
  it('says that the outcome is unknown, and the Idempotency-Key settles it', async () => {
    const headers = { 'idempotency-key': 'settle-it' }
    proxy.loseAnswerTo('COMMIT', 'made-or-not')
    const answer = await within(answerDeadlineMs, () => create(headers, { alias: 'made-or-not' }))
    expect(answer.status).toBe(503)
    expect(answer.body.code).toBe('outcome-unknown')
    expect(answer.headers.get('retry-after')).toBe('1')
    const retried = await create(headers, { alias: 'made-or-not' })
    expect(retried.status).toBe(201)
    expect(retried.body.code).toBe('made-or-not')
    expect(await count('made-or-not')).toBe(1)
  })
})
