import { describe, expect, it } from 'vitest'
import { isPasswordOf, makePasswordVerifier, passwordLengthMax } from './link-password.ts'

describe('a verifier', () => {
  it('accepts its password and no other', async () => {
    const verifier = await makePasswordVerifier('correct horse')
    expect(await isPasswordOf(verifier, 'correct horse')).toBe(true)
    expect(await isPasswordOf(verifier, 'correct horse ')).toBe(false)
    expect(await isPasswordOf(verifier, '')).toBe(false)
  })

  it('holds nothing of the password, and is another one each time', async () => {
    const [one, other] = await Promise.all([makePasswordVerifier('secret'), makePasswordVerifier('secret')])
    expect(one).not.toBe(other)
    expect(one).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  })

  it('accepts a letter however its accent was typed', async () => {
    expect(await isPasswordOf(await makePasswordVerifier('caf\u00e9'), 'cafe\u0301')).toBe(true)
  })

  it('made with other parameters stays good', async () => {
    // RFC 7914, section 12: scrypt("pleaseletmein", "SodiumChloride", N=16384, r=8, p=1)
    const verifier =
      '$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw'
    expect(await isPasswordOf(verifier, 'pleaseletmein')).toBe(true)
    expect(await isPasswordOf(verifier, 'pleaseletmeout')).toBe(false)
  })

  it.each([
    ['empty', ''],
    ['of another algorithm', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA'],
    ['cut off', '$scrypt$ln=14,r=8,p=5$c2FsdHNhbHRzYWx0c2E$'],
    ['that asks for all memory', '$scrypt$ln=40,r=8,p=1$c2FsdHNhbHRzYWx0c2E$aGFzaGhhc2hoYXNoaGFzaA'],
  ])('that is %s accepts nothing', async (_name, verifier) => {
    expect(await isPasswordOf(verifier, 'secret')).toBe(false)
  })

  it('is not asked about a text longer than any password', async () => {
    const verifier = await makePasswordVerifier('secret')
    expect(await isPasswordOf(verifier, 'a'.repeat(passwordLengthMax + 1))).toBe(false)
  })
})

describe('passwords that come all at once', () => {
  it('wait in a bounded line, past which they are refused at once', async () => {
    const verifier = '$scrypt$ln=1,r=1,p=1$c2FsdHNhbHRzYWx0c2E$aGFzaGhhc2hoYXNoaGFzaA'
    const checks = Array.from({ length: 100 }, () => isPasswordOf(verifier, 'secret'))
    const outcomes = await Promise.allSettled(checks)
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refused).toHaveLength(100 - 66)
    expect(refused[0]?.reason).toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 })
    expect(await isPasswordOf(verifier, 'secret')).toBe(false)
  })
})
