import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readArchiveKeys } from './archive-key.ts'
import { readArchiveUrl } from './archive-url.ts'

describe('the place of an archive', () => {
  it('is a folder', () => {
    expect(readArchiveUrl('file:///var/lib/clicks%20kept')).toEqual({
      kind: 'folder',
      folder: '/var/lib/clicks kept',
    })
  })

  it('is a bucket, with a prefix, an endpoint and a region', () => {
    expect(readArchiveUrl('s3://clicks/a/b/?endpoint=http://127.0.0.1:7070/&region=eu-central-1')).toEqual({
      kind: 's3',
      endpoint: 'http://127.0.0.1:7070',
      region: 'eu-central-1',
      bucket: 'clicks',
      prefix: 'a/b/',
    })
    expect(readArchiveUrl('s3://clicks')).toMatchObject({
      endpoint: 'https://s3.us-east-1.amazonaws.com',
      prefix: '',
    })
  })

  it.each([
    'archive',
    'https://bucket.example/',
    'file://host/folder',
    's3://',
    's3://user:secret@bucket',
    's3://clicks?endpont=http://127.0.0.1:7070',
    's3://clicks?endpoint=127.0.0.1:7070',
    's3://clicks?endpoint=http://127.0.0.1:7070/path',
  ])('%s is refused', (url) => expect(() => readArchiveUrl(url)).toThrow())
})

describe('the keys of an archive', () => {
  const secret = randomBytes(32)

  it('are read in hex and base64, and the first one encrypts', () => {
    const other = randomBytes(32)
    const keys = readArchiveKeys(`# since June\n${secret.toString('hex')}\n\n${other.toString('base64')}\n`)
    expect(keys.map((key) => key.secret)).toEqual([secret, other])
    expect(keys[0]?.id).toMatch(/^[0-9a-f]{16}$/)
    expect(keys[0]?.id).not.toBe(keys[1]?.id)
  })

  it('that are none are refused by their line', () => {
    expect(() => readArchiveKeys(`${secret.toString('hex')}\nsecret`)).toThrow('line 2')
    expect(() => readArchiveKeys(secret.toString('hex').slice(2))).toThrow('line 1')
    expect(() => readArchiveKeys('# none\n')).toThrow('no key')
  })
})
