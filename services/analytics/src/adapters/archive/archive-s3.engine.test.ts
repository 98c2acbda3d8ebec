import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type OwnS3, startOwnS3 } from '@linkfleet/testkit/own-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArchiveUrl } from '../../domain/archive/archive-url.ts'
import { nameOf } from '../../domain/archive/segment.ts'
import type { ArchiveStore } from '../../ports.ts'
import { openArchiveFixture } from '../../testing/archive-fixture.ts'
import { livelyBatches } from '../../testing/lively-batches.ts'
import { openArchiveS3 } from './archive-s3.ts'

let server: OwnS3
let archive: ArchiveStore

function openWith(credentials: { accessKeyId: string; secretAccessKey: string }, bucket = server.bucket) {
  const place = readArchiveUrl(`s3://${bucket}/some/prefix?endpoint=${server.endpoint}`)
  if (place.kind !== 's3') throw new Error('It is a bucket.')
  return openArchiveS3(place, { ...credentials, sessionToken: '' })
}

beforeAll(async () => {
  server = await startOwnS3()
  archive = openWith(server)
}, 300_000)

afterAll(async () => await server[Symbol.asyncDispose]())

describe('a bucket', () => {
  it('gives back what was stored, byte by byte, and stores it again without harm', async () => {
    const content = randomBytes(3_000_000)
    const name = nameOf(content)
    await archive.put(name, content)
    await archive.put(name, content)
    expect(content.equals((await archive.get(name)) ?? Buffer.alloc(0))).toBe(true)
    expect(await readdir(join(server.folder, 'some/prefix'))).toEqual([name])
  })

  it('refuses content that is not that of its name', async () => {
    const name = nameOf(Buffer.from('one'))
    await expect(archive.put(name, Buffer.from('two'))).rejects.toThrow(/The bucket answered 400/)
    expect(await archive.get(name)).toBeUndefined()
  })

  it('says so when it has no such object, and fails when there is no such bucket', async () => {
    const name = nameOf(randomBytes(8))
    expect(await archive.get(name)).toBeUndefined()
    await expect(openWith(server, 'nobucket').get(name)).rejects.toThrow('NoSuchBucket')
    await expect(openWith(server, 'nobucket').put(name, randomBytes(8))).rejects.toThrow()
  })

  it('refuses whoever has other credentials', async () => {
    const stranger = openWith({ accessKeyId: server.accessKeyId, secretAccessKey: 'guessed' })
    await expect(stranger.get(nameOf(randomBytes(8)))).rejects.toThrow(/The bucket answered 403/)
  })
})

it('counts are rebuilt from a bucket, and a damaged object is named', async () => {
  const nowMs = Date.UTC(2026, 5, 15, 12)
  await using fixture = await openArchiveFixture(archive, nowMs)
  const batches = livelyBatches(3)
  for (let round = 0; round < 20; round++) await fixture.apply(round % 2, batches.next(round % 2, nowMs))
  await fixture.archiveAll()
  const counted = await fixture.rows()
  await fixture.pool.query('DELETE FROM clicks.series')
  await fixture.rebuild()
  expect(await fixture.rows()).toEqual(counted)

  const { rows } = await fixture.pool.query<{ name: string }>(
    "SELECT encode(sha256, 'hex') AS name FROM clicks.archive_segments LIMIT 1",
  )
  const name = rows[0]?.name ?? ''
  await writeFile(join(server.folder, 'some/prefix', name), 'not what it was')
  await expect(fixture.rebuild()).rejects.toThrow(`Segment ${name} is damaged`)
  expect(await fixture.rows()).toEqual(counted)
})

it('a server that is gone fails at once, and what waits stays in the queue', async () => {
  await using own = await startOwnS3()
  const place = readArchiveUrl(`s3://${own.bucket}?endpoint=${own.endpoint}`)
  if (place.kind !== 's3') throw new Error('It is a bucket.')
  const nowMs = Date.UTC(2026, 5, 15, 12)
  await using fixture = await openArchiveFixture(openArchiveS3(place, { ...own, sessionToken: '' }), nowMs)
  await fixture.apply(0, livelyBatches(4).next(0, nowMs))
  await own.kill()
  await expect(fixture.archiveAll()).rejects.toThrow()
  const { rows } = await fixture.pool.query('SELECT place FROM clicks.archive_queue')
  expect(rows).toEqual([{ place: 1 }])
})
