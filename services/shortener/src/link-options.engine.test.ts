import { LinksClient } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { isPasswordOf } from '@linkfleet/contracts/link-password'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Shortener } from './service.ts'
import { callApi, openTestFleet, type TestFleet } from './testing/start.ts'

let fleet: TestFleet
let shortener: Shortener

beforeAll(async () => {
  fleet = await openTestFleet()
  shortener = await fleet.start()
  await eventually(async () => (await callApi(shortener, 'GET', '/api/v1/links')).status === 200)
})
afterAll(async () => await fleet?.[Symbol.asyncDispose]())

const create = (body: object, headers: Record<string, string> = {}) =>
  callApi(shortener, 'POST', '/api/v1/links', { url: 'https://example.com/', ...body }, headers)
const read = (code: string) => callApi(shortener, 'GET', `/api/v1/links/${code}`)
const edit = (code: string, changes: object) => callApi(shortener, 'PATCH', `/api/v1/links/${code}`, changes)

/** What redirects are told. */
async function copyOf(code: string) {
  using client = openGrpcClient(LinksClient, { addresses: [shortener.address], deadlineMs: 20_000 })
  const answer = await client.call((links) => links.resolveLinks, { keys: [{ domainId: 1, code }] })
  return answer.links[0]
}

const options = {
  redirectStatus: 308,
  forwardQuery: true,
  startsAt: '2097-01-01T00:00:00.000Z',
  expiresAt: '2098-01-01T00:00:00.000Z',
  maxClicks: 1_000_000_000,
}

describe('the options of a link', () => {
  it('are told by a create, a read and a list, and to redirects', async () => {
    const created = await create(options)
    expect(created.status).toBe(201)
    expect(created.body).toMatchObject({ ...options, hasPassword: false })
    const { code } = created.body
    expect((await read(code)).body).toMatchObject({ ...options, hasPassword: false })
    const list = await callApi(shortener, 'GET', '/api/v1/links?limit=1')
    expect(list.body.links[0]).toMatchObject({ code, ...options, hasPassword: false })
    expect(await copyOf(code)).toMatchObject({
      redirectStatus: 308,
      forwardQuery: true,
      startsAtMs: Date.parse(options.startsAt),
      expiresAtMs: Date.parse(options.expiresAt),
      maxClicks: 1_000_000_000,
      passwordProtected: false,
      passwordVerifier: '',
    })
  })

  it('that are null or absent are the defaults', async () => {
    const nothing = { startsAt: null, expiresAt: null, maxClicks: null, password: null }
    const defaults = {
      redirectStatus: 302,
      forwardQuery: false,
      startsAt: null,
      expiresAt: null,
      maxClicks: null,
      hasPassword: false,
    }
    expect((await create(nothing)).body).toMatchObject(defaults)
    expect((await create({})).body).toMatchObject(defaults)
  })

  it('change one by one, stay when they are not named, and are cleared by null', async () => {
    const { code } = (await create({})).body
    let expected: Record<string, unknown> = (await read(code)).body
    for (const [field, value] of Object.entries(options)) {
      const edited = await edit(code, { [field]: value })
      expect(edited.status).toBe(200)
      expected = { ...expected, [field]: value }
      const { clicks: _clicks, updatedAt: _updatedAt, version: _version, ...same } = expected
      expect(edited.body).toMatchObject(same)
    }
    const cleared = await edit(code, { startsAt: null, expiresAt: null, maxClicks: null })
    expect(cleared.body).toMatchObject({ startsAt: null, expiresAt: null, maxClicks: null })
    expect(cleared.body).toMatchObject({ redirectStatus: 308, forwardQuery: true })
  })

  it('never leave a link that expires before it starts', async () => {
    const { code } = (await create({ startsAt: options.startsAt })).body
    const early = await edit(code, { expiresAt: '2096-12-31T23:59:59Z' })
    expect(early.status).toBe(400)
    expect(early.body).toMatchObject({ code: 'invalid-request', field: 'expiresAt' })
    expect((await edit(code, { expiresAt: options.expiresAt })).status).toBe(200)
    const late = await edit(code, { startsAt: '2098-01-01T00:00:00Z' })
    expect(late.body).toMatchObject({ code: 'invalid-request', field: 'startsAt' })
    const moved = { startsAt: '2099-01-01T00:00:00.000Z', expiresAt: '2099-02-01T00:00:00.000Z' }
    expect((await edit(code, moved)).body).toMatchObject(moved)
    const cleared = await edit(code, { startsAt: '2099-03-01T00:00:00.000Z', expiresAt: null })
    expect(cleared.body).toMatchObject({ startsAt: '2099-03-01T00:00:00.000Z', expiresAt: null })
  })

  it('of a deleted alias are not those of the link that takes it over', async () => {
    await create({ alias: 'had-options', ...options, password: 'secret' })
    await callApi(shortener, 'DELETE', '/api/v1/links/had-options')
    expect((await copyOf('had-options'))?.passwordVerifier).toBe('')
    const reborn = await create({ alias: 'had-options' })
    expect(reborn.body).toMatchObject({ redirectStatus: 302, maxClicks: null, hasPassword: false })
    expect(await copyOf('had-options')).toMatchObject({ passwordProtected: false, passwordVerifier: '' })
  })
})

describe('a password', () => {
  it('is never told, and redirects can check it', async () => {
    const created = await create({ password: 'open sesame' })
    expect(created.body.hasPassword).toBe(true)
    expect(JSON.stringify(created.body)).not.toMatch(/sesame|scrypt/)
    expect(JSON.stringify((await read(created.body.code)).body)).not.toMatch(/sesame|scrypt/)
    const copy = await copyOf(created.body.code)
    expect(copy?.passwordProtected).toBe(true)
    expect(await isPasswordOf(copy?.passwordVerifier ?? '', 'open sesame')).toBe(true)
    expect(await isPasswordOf(copy?.passwordVerifier ?? '', 'open wheat')).toBe(false)
  })

  it('is set, changed and cleared by an edit, and stays when it is not named', async () => {
    const { code } = (await create({})).body
    expect((await edit(code, { password: 'first' })).body.hasPassword).toBe(true)
    expect((await edit(code, { title: 'x' })).body.hasPassword).toBe(true)
    await edit(code, { password: 'second' })
    const verifier = (await copyOf(code))?.passwordVerifier ?? ''
    expect(await isPasswordOf(verifier, 'first')).toBe(false)
    expect(await isPasswordOf(verifier, 'second')).toBe(true)
    expect((await edit(code, { password: null })).body.hasPassword).toBe(false)
    expect(await copyOf(code)).toMatchObject({ passwordProtected: false, passwordVerifier: '' })
  })

  it('tells two requests with one Idempotency-Key apart', async () => {
    const headers = { 'idempotency-key': 'with-password' }
    const first = await create({ password: 'one' }, headers)
    const second = await create({ password: 'one' }, headers)
    expect(second.body).toEqual(first.body)
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect((await create({ password: 'two' }, headers)).status).toBe(422)
    expect((await create({}, headers)).status).toBe(422)
  })
})
