import { randomBytes } from 'node:crypto'
import type { Pool, Session } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LinkToInsert } from '../ports.ts'
import { newLink } from '../testing/new-link.ts'
import { openLinkWriterPg } from './link-writer-pg.ts'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await testDatabase()
  pool = openTestPool(database.url, { maxConnections: 5, statementTimeoutMs: 5_000 })
  // Every connection knows the statement by then: what is bounded here is waiting, not a server that starts.
  const writers = Array.from({ length: 4 }, openWriter)
  await Promise.allSettled(writers.map((writer, n) => writer.insert(itemOf(`warm-up-${n}`), soon())))
})
afterAll(async () => {
  await pool?.[Symbol.asyncDispose]()
  await database?.[Symbol.asyncDispose]()
})

const openWriter = () => openLinkWriterPg(pool, { groupCommitted: () => {} })
const soon = () => performance.now() + 900
const itemOf = (code: string, keyHash?: Buffer): LinkToInsert => ({
  code,
  link: newLink({ alias: code }),
  passwordVerifier: null,
  idempotency: keyHash === undefined ? null : { keyHash, requestHash: Buffer.alloc(32) },
})

/** Asks for all at once; anew, with other free codes, when the machine was too busy to make those in the time there is. */
async function insertTogether(held: readonly string[], freeCodes: number) {
  for (let attempt = 0; ; attempt++) {
    const writer = openWriter()
    const free = Array.from({ length: freeCodes }, (_none, n) => `free-${held.length}-${attempt}-${n}`)
    const insert = (code: string) => writer.insert(itemOf(code), soon())
    // The held ones are in the midst of the others.
    const [first, refused, last] = await Promise.all(
      [free.slice(0, freeCodes / 2), held, free.slice(freeCodes / 2)].map((codes) =>
        Promise.allSettled(codes.map(insert)),
      ),
    )
    const made = [...(first ?? []), ...(last ?? [])]
    if (made.every(({ status }) => status === 'fulfilled') || attempt === 20)
      return { made, refused: refused ?? [] }
  }
}
/** Of one that waits as long as it may: whether its last transaction had begun by then is a matter of moments. */
const refusal = { reason: { code: expect.stringMatching(/^(not-created|outcome-unknown)$/) } }

/** Leaves a transaction of another process open, as it is while its COMMIT is on its way. */
async function leaveOpen(session: Session, text: string, values: readonly unknown[]): Promise<void> {
  await session.query('BEGIN')
  await session.query({ text, values })
}
const holdCode = (session: Session, code: string) =>
  leaveOpen(
    session,
    `INSERT INTO links.links (domain_id, code, version, created_version, target_url, tags,
        created_by, created_at, updated_at)
      SELECT 1, $1, v, v, 'https://example.com/first', '{}', 'test', now(), now() FROM nextval('links.version_seq') AS v`,
    [code],
  )

describe('while another transaction holds', () => {
  it('an alias, who wants it is refused, and everybody in the same group gets theirs', async () => {
    using other = await pool.session()
    await holdCode(other, 'held-alias')
    const { made, refused } = await insertTogether(['held-alias'], 100)
    await other.query('ROLLBACK')
    for (const outcome of made) expect(outcome).toMatchObject({ value: { kind: 'created' } })
    expect(refused).toMatchObject([refusal])
  })

  it('many aliases, who want them are refused, and everybody in the same group gets theirs', async () => {
    const held = Array.from({ length: 12 }, (_none, n) => `held-${n}`)
    using other = await pool.session()
    await other.query('BEGIN')
    for (const code of held) {
      await other.query({
        text: `INSERT INTO links.links (code, version, created_version, target_url, created_by, created_at, updated_at)
          VALUES ($1, 1, 1, 'https://example.com/first', 'test', now(), now())`,
        values: [code],
      })
    }
    const { made, refused } = await insertTogether(held, 108)
    await other.query('ROLLBACK')
    for (const outcome of made) expect(outcome).toMatchObject({ value: { kind: 'created' } })
    expect(refused).toMatchObject(held.map(() => refusal))
    expect(await openWriter().insert(itemOf('held-3'), soon())).toMatchObject({ kind: 'created' })
  })

  it('an alias only for a while, who wants it waits for the answer', async () => {
    using other = await pool.session()
    await holdCode(other, 'briefly-held')
    const writer = openWriter()
    const waiting = Promise.all(
      ['briefly-held', 'briefly-held', 'beside-it'].map((code) => writer.insert(itemOf(code), soon())),
    )
    await new Promise((resolve) => setTimeout(resolve, 250))
    await other.query('COMMIT')
    expect((await waiting).map(({ kind }) => kind)).toEqual(['code-taken', 'code-taken', 'created'])
  })

  it('the same Idempotency-Key for a while, a retry elsewhere is answered like the first attempt', async () => {
    const keyHash = randomBytes(32)
    using other = await pool.session()
    await leaveOpen(
      other,
      `INSERT INTO links.idempotency_records (key_hash, request_hash, link, version, created_at)
        VALUES ($1, $2, $3, 1, now())`,
      [keyHash, Buffer.alloc(32), { code: 'first-elsewhere' }],
    )
    const writer = openWriter()
    const retry = writer.insert(itemOf('retried-elsewhere', keyHash), soon())
    await new Promise((resolve) => setTimeout(resolve, 300))
    await other.query('COMMIT')
    expect(await retry).toMatchObject({ kind: 'replayed', link: { code: 'first-elsewhere' } })
  })

  it('the same Idempotency-Key, a retry is told that the outcome is unknown, since the first may commit', async () => {
    const keyHash = randomBytes(32)
    using other = await pool.session()
    await leaveOpen(
      other,
      `INSERT INTO links.idempotency_records (key_hash, request_hash, link, version, created_at)
        VALUES ($1, $2, $3, 1, now())`,
      [keyHash, Buffer.alloc(32), { code: 'first-one' }],
    )
    const writer = openWriter()
    const retry = itemOf('retried-one', keyHash)
    await expect(writer.insert(retry, soon())).rejects.toMatchObject({ code: 'outcome-unknown' })
    await other.query('COMMIT')
    expect(await writer.insert(retry, soon())).toMatchObject({
      kind: 'replayed',
      link: { code: 'first-one' },
    })
  })
})
