import { describe, expect, it } from 'vitest'
import { identifyBulk, identifyRequest } from './idempotency.ts'

const hex = (key: string, subject: string, body: unknown) => {
  const { keyHash, requestHash } = identifyRequest(key, subject, body)
  return { keyHash: keyHash.toString('hex'), requestHash: requestHash.toString('hex') }
}

describe('identifying a request', () => {
  it('takes bodies as the same that differ in the order of fields only', () => {
    expect(hex('k', 'me', { url: 'x', tags: ['a', 'b'] })).toEqual(
      hex('k', 'me', { tags: ['a', 'b'], url: 'x' }),
    )
    expect(hex('k', 'me', { tags: ['a', 'b'] }).requestHash).not.toBe(
      hex('k', 'me', { tags: ['b', 'a'] }).requestHash,
    )
    expect(hex('k', 'me', { title: null }).requestHash).not.toBe(hex('k', 'me', {}).requestHash)
  })

  it('keeps the keys of two callers apart', () => {
    expect(hex('k', 'me', {}).keyHash).not.toBe(hex('k', 'you', {}).keyHash)
  })

  it.each(['', ' ', ' k', 'k ', 'a'.repeat(256), 'ä', 'a\tb', 'a\u0000'])('refuses the key %j', (key) => {
    expect(() => identifyRequest(key, 'me', {})).toThrow(
      expect.objectContaining({ code: 'invalid-request', field: 'idempotency-key' }),
    )
  })
})

describe('identifying a bulk', () => {
  const identify = (...links: readonly unknown[]) => {
    const { requestHash, passwordsDigest } = identifyBulk('k', 'me', links)
    return { requestHash: requestHash.toString('hex'), passwordsDigest }
  }
  const url = 'https://example.com/'

  it('takes items as the same that differ in the order of fields only, and their order as it is', () => {
    const [one, other] = [{ url, title: 'A' }, { url }]
    expect(identify(one, other)).toEqual(identify({ title: 'A', url }, other))
    expect(identify(one, other)).not.toEqual(identify(other, one))
  })

  it('tells whatever stands in the place of a password apart from every other, and hashes no password fast', () => {
    const told = ['secret-1', true, [true], [[true]], '', null, false, 1, {}].map((password) =>
      identify({ url, password }),
    )
    expect(new Set(told.map(({ requestHash }) => requestHash)).size).toBe(told.length)
    const [first, second] = [identify({ url, password: 'secret-1' }), identify({ url, password: 'secret-2' })]
    expect(second.requestHash).toBe(first.requestHash)
    expect(second.passwordsDigest).not.toBe(first.passwordsDigest)
    expect(identify({ url }).passwordsDigest).toBeNull()
  })

  it('tells passwords apart by their places too, also those of items that are refused', () => {
    const digests = [
      [{ url, password: 'a' }, { url }],
      [{ url }, { url, password: 'a' }],
      [{ url: 42, password: 'b' }, { url }],
      [{ url: 42, password: 'c' }, { url }],
    ].map((links) => identify(...links).passwordsDigest)
    expect(new Set(digests).size).toBe(4)
  })

  const deep = (opening: string, closing: string, depth: number) =>
    JSON.parse(`${opening.repeat(depth)}1${closing.repeat(depth)}`)

  it.each([
    ['an item', 'links.1', deep('[', ']', 100_000)],
    ['a field', 'links.1', { url: deep('{"a":', '}', 100_000) }],
    ['a password', 'links.1', { url, password: deep('[', ']', 100_000) }],
    ['a bulk in a bulk', 'links.1', deep('{"links":[', ']}', 200_000)],
  ])('refuses %s that is nested too deeply, at once', (_name, field, item) => {
    const startedMs = performance.now()
    expect(() => identifyBulk('k', 'me', [{ url }, item])).toThrow(
      expect.objectContaining({ code: 'invalid-request', field }),
    )
    expect(performance.now() - startedMs).toBeLessThan(200)
  })

  it.each([
    ['many fields', Object.fromEntries(Array.from({ length: 30_000 }, (_none, n) => [`a${n}`, n]))],
    ['many tags', { url, tags: Array(1_000_000).fill(1) }],
    ['a bulk in a bulk', deep('{"links":[', ']}', 100)],
  ])('knows an item with %s by its text', (_name, item) => {
    expect(identify(item)).toEqual(identify(item))
    expect(identify(item)).not.toEqual(identify({ ...item, title: 'A' }))
  })
})
