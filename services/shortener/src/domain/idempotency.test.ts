import { describe, expect, it } from 'vitest'
import { identifyRequest } from './idempotency.ts'

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
