/** What no client should send, and none of the usual ones would: written to the connection byte by byte. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { adminKey, callApi, openTestFleet, type TestFleet } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start()
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

async function send(bytes: string | Buffer): Promise<string> {
  const socket = connect(Number(new URL(shortener.url).port), '127.0.0.1')
  socket.write(bytes)
  return await text(socket)
}

async function post(path: string, body: Buffer, headers: readonly string[] = []) {
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    'connection: close',
    `authorization: Bearer ${adminKey}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...headers,
  ].join('\r\n')
  const answer = await send(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]))
  const [, status, json = ''] = /^HTTP\/1.1 (\d+).*?\r\n\r\n(.*)$/s.exec(answer) ?? []
  return { status: Number(status), type: /^content-type: (.*)$/m.exec(answer)?.[1] ?? '', json }
}

const stored = async () => (await callApi(shortener, 'GET', '/api/v1/links')).body.links.length

it('a request that is not HTTP ends the connection and nothing else', async () => {
  expect(await send('\u0016\u0003\u0001 this is not HTTP\r\n\r\n')).toContain('400 Bad Request')
  expect((await callApi(shortener, 'GET', '/api/v1/links')).status).toBe(200)
})

const link = '{"url":"https://example.com/"}'

it.each([
  ['/api/v1/links', link],
  ['/api/v1/links/bulk', `{"links":[${link}]}`],
])('%s with two Idempotency-Keys is refused; a key may hold a comma', async (path, json) => {
  const before = await stored()
  const body = Buffer.from(json)
  for (const second of ['two', 'one']) {
    const answer = await post(path, body, ['Idempotency-Key: one', `idempotency-key: ${second}`])
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.json)).toMatchObject({ code: 'invalid-request', field: 'idempotency-key' })
  }
  expect(await stored()).toBe(before)
  const { status } = await post(path, body, [`idempotency-key: ${path}, one`])
  expect(Math.floor(status / 100)).toBe(2)
  expect(await stored()).toBe(before + 1)
})

it.each([
  ['a byte that begins nothing', [0xff]],
  ['a character that is cut off', [0xe4, 0xbd]],
  ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
  ['a slash of two bytes', [0xc0, 0xaf]],
])('a body with %s is no UTF-8 and refused', async (_name, bytes) => {
  const before = await stored()
  const title = (name: Buffer) =>
    Buffer.concat([Buffer.from('{"url":"https://example.com/","title":"'), name, Buffer.from('"}')])
  const links = (body: Buffer) => Buffer.concat([Buffer.from('{"links":['), body, Buffer.from(']}')])
  const bad = title(Buffer.from(bytes))
  for (const [path, body] of [
    ['/api/v1/links', bad],
    ['/api/v1/links/bulk', links(bad)],
    ['/api/v1/keys', bad],
  ] as const) {
    const answer = await post(path, body)
    expect([path, answer.status]).toEqual([path, 400])
    expect(answer.type).toContain('application/problem+json')
    expect(JSON.parse(answer.json)).toMatchObject({ code: 'invalid-json', field: 'body' })
  }
  expect(await stored()).toBe(before)
  expect((await post('/api/v1/links', title(Buffer.from('ä中😀')))).status).toBe(201)
})
