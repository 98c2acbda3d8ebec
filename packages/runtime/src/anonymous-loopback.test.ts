import { describe, expect, it } from 'vitest'
import { credentialOf, identifyCaller, isDirectLoopback } from './anonymous-loopback.ts'

const local = { remoteAddress: '127.0.0.1', headers: { host: 'localhost:8081' } }

describe('the anonymous right of a loopback caller', () => {
  it.each([
    ['127.0.0.1', 'localhost:8081'],
    ['127.0.0.1', '127.0.0.1:8081'],
    ['127.8.9.10', 'LOCALHOST'],
    ['::1', '[::1]:8081'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
  ])('is there for peer %s with Host %s', (remoteAddress, host) => {
    expect(isDirectLoopback({ remoteAddress, headers: { host } })).toBe(true)
  })

  it.each([
    ['192.168.1.5', 'localhost'],
    ['::ffff:10.0.0.1', 'localhost'],
    ['128.0.0.1', 'localhost'],
    ['127.0.0.1.evil', 'localhost'],
    [undefined, 'localhost'],
    ['127.0.0.1', undefined],
    ['127.0.0.1', 'rebound.example'],
    ['127.0.0.1', 'localhost.evil.example'],
    ['127.0.0.1', 'localhost:80@evil.example'],
    ['127.0.0.1', '127.0.0.1.nip.io'],
  ])('is not there for peer %s with Host %s', (remoteAddress, host) => {
    const headers = host === undefined ? {} : { host }
    expect(isDirectLoopback({ remoteAddress, headers })).toBe(false)
  })

  it.each(['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-anything'])(
    'is lost by a request with the header %s, even an empty one',
    (name) => {
      expect(isDirectLoopback({ ...local, headers: { ...local.headers, [name]: '' } })).toBe(false)
    },
  )

  it('is only there where the setting says so', () => {
    expect(identifyCaller(local, { anonymousLoopback: true })).toEqual({ kind: 'anonymous-loopback' })
    expect(identifyCaller(local, { anonymousLoopback: false })).toEqual({ kind: 'nobody' })
  })

  it('is not fallen back to by a caller who shows a key', () => {
    const headers = { ...local.headers, authorization: 'Bearer wrong' }
    expect(identifyCaller({ ...local, headers }, { anonymousLoopback: true })).toEqual({
      kind: 'credential',
      credential: 'wrong',
    })
  })
})

describe('the credential of a request', () => {
  it.each([
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: 'bearer  abc ' }, 'abc'],
    [{ 'x-api-key': 'abc' }, 'abc'],
    [{ authorization: 'Basic dTpw' }, 'Basic dTpw'],
    [{ authorization: 'Bearer one', 'x-api-key': 'two' }, 'one'],
    [{}, undefined],
  ])('of %j is %s', (headers, credential) => {
    expect(credentialOf(headers)).toBe(credential)
  })
})
