import { describe, expect, it } from 'vitest'
import { anonymousCaller, hashCredential, makeCredential, mayDo } from './credentials.ts'

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
