import { describe, expect, it } from 'vitest'
import { anonymousCaller, hashCredential, isAnonymousLoopback, makeCredential, mayDo } from './credentials.ts'

describe('credentials', () => {
  it('are random, told apart by kind, and hashed to 32 bytes', () => {
    const key = makeCredential('key')
    expect(key).toMatch(/^lfk_[\w-]{43}$/)
    expect(makeCredential('key')).not.toBe(key)
    expect(makeCredential('session')).toMatch(/^lfs_/)
    expect(hashCredential(key)).toHaveLength(32)
  })

  it('an anonymous caller may create and nothing else', () => {
    expect(mayDo(anonymousCaller, 'create')).toBe(true)
    for (const right of ['read', 'change', 'administer'] as const)
      expect(mayDo(anonymousCaller, right)).toBe(false)
  })
})

describe('a program on this machine', () => {
  const good = { peerAddress: '127.0.0.1', host: 'localhost:8081', headers: { host: 'localhost:8081' } }

  it.each([
    good,
    { ...good, peerAddress: '::1', host: '[::1]:8081' },
    { ...good, peerAddress: '::ffff:127.0.0.1', host: '127.0.0.1' },
  ])('is one that comes from loopback to a loopback name: %j', (request) => {
    expect(isAnonymousLoopback(request)).toBe(true)
  })

  it.each([
    { ...good, peerAddress: '10.0.0.1' },
    { ...good, peerAddress: undefined },
    { ...good, peerAddress: '::ffff:10.0.0.1' },
    { ...good, host: 'evil.example' },
    { ...good, host: 'localhost.evil.example' },
    { ...good, host: undefined },
    { ...good, headers: { forwarded: 'for=127.0.0.1' } },
    { ...good, headers: { 'x-forwarded-for': '' } },
    { ...good, headers: { 'x-forwarded-proto': 'https' } },
  ])('is none of these: %j', (request) => {
    expect(isAnonymousLoopback(request)).toBe(false)
  })
})
