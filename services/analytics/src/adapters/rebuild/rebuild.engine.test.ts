import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { type ArchiveKey, readArchiveKeys } from '../../domain/archive/archive-key.ts'
import type { ArchiveStore, LogRange } from '../../ports.ts'
import { type ArchiveFixture, openArchiveFixture } from '../../testing/archive-fixture.ts'
import { click, message, producerId, record } from '../../testing/clicks.ts'
import { livelyBatches } from '../../testing/lively-batches.ts'
import { openArchiveFolder } from '../archive/archive-folder.ts'
import { archiveOnce } from '../archive/archive-segments-pg.ts'
import { rebuiltTables } from './shadow-schema-pg.ts'

const startMs = Date.UTC(2026, 5, 15, 12)
const dayMs = 86_400_000
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linkfleet-archive-'))
  return async () => await rm(folder, { recursive: true })
})

async function open(key?: ArchiveKey): Promise<ArchiveFixture> {
  return await openArchiveFixture(openArchiveFolder(folder), startMs, key)
}

function newKey(): ArchiveKey {
  const [key] = readArchiveKeys(randomBytes(32).toString('hex'))
  if (key === undefined) throw new Error('There is a key.')
  return key
}

/** 15 batches in three partitions over some days, the last ones not archived yet. */
async function fill(fixture: ArchiveFixture, seed = 1): Promise<void> {
  const batches = livelyBatches(seed)
  for (let round = 0; round < 15; round++) {
    if (round === 11) await fixture.archiveAll()
    fixture.nowMs += dayMs / 4
    await fixture.apply(round % 3, batches.next(round % 3, fixture.nowMs))
  }
}

async function spoilCounts({ pool }: ArchiveFixture): Promise<void> {
  await pool.query("UPDATE clicks.totals SET humans = 0, last_click_at = 'epoch'")
  for (const table of ['series', 'visitor_days', 'top_days', 'marks', 'trait_packs'])
    await pool.query(`DELETE FROM clicks.${table}`)
}

async function segments(): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  return files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
}

describe('a rebuild', () => {
  it.each([1, 2])('makes every row of every table as it was (seed %i)', async (seed) => {
    await using fixture = await open()
    await fill(fixture, seed)
    const counted = await fixture.rows()
    // Rows of earlier versions: this one writes none.
    const { trait_days: _, ...written } = counted
    for (const [table, rows] of Object.entries(written)) expect(rows.length, table).toBeGreaterThan(0)
    await spoilCounts(fixture)
    const result = await fixture.rebuild({ allowFewer: false })
    expect(result).toMatchObject({ isSwapped: true })
    expect(await fixture.rows()).toEqual(counted)
  })

  it('goes on counting where it ends, and can be repeated', async () => {
    await using fixture = await open()
    const batches = livelyBatches(7)
    await fixture.apply(0, batches.next(0, fixture.nowMs))
    await fixture.rebuild()
    await fixture.apply(0, batches.next(0, fixture.nowMs))
    await fixture.archiveAll()
    const counted = await fixture.rows()
    await fixture.rebuild()
    expect(await fixture.rows()).toEqual(counted)
  })

  it('beside a service that counts all the while loses and doubles nothing', async () => {
    await using fixture = await open()
    const stopping = new AbortController()
    const batches = livelyBatches(11)
    for (let round = 0; round < 6; round++)
      await fixture.apply(round % 3, batches.next(round % 3, fixture.nowMs))
    let applied = 0
    const counting = (async () => {
      for (; !stopping.signal.aborted; applied++) {
        await fixture.apply(3, batches.next(3, fixture.nowMs))
        if (applied % 10 === 0) await fixture.archiveAll()
      }
    })()
    const result = await fixture.rebuild()
    stopping.abort()
    await counting
    expect(result.isSwapped).toBe(true)
    expect(result.clicks).toBe(result.liveClicks)
    expect(applied).toBeGreaterThan(5)
    const counted = await fixture.rows()
    await fixture.rebuild()
    expect(await fixture.rows()).toEqual(counted)
  }, 120_000)

  it('brings nothing back that was pruned', async () => {
    await using fixture = await open()
    await fill(fixture)
    fixture.nowMs += 100 * dayMs
    await fixture.apply(0, livelyBatches(5).next(4, fixture.nowMs))
    await fixture.rebuild()
    const { series, marks, dead_letters } = await fixture.rows()
    const minutes = series?.filter((row) => /"grain_seconds": 60\b/.test(row)) ?? []
    expect(minutes.length).toBeGreaterThan(0)
    for (const row of minutes) expect(row).toContain('2026-09')
    expect(marks).toHaveLength(1)
    expect(dead_letters).toEqual([])
  })

  it('that is a trial changes nothing', async () => {
    await using fixture = await open()
    await fill(fixture)
    await spoilCounts(fixture)
    const spoilt = await fixture.rows()
    expect(await fixture.rebuild({ isTrial: true })).toMatchObject({ isSwapped: false })
    expect(await fixture.rows()).toEqual(spoilt)
  })

  it('with fewer clicks than are counted is not swapped unless told to', async () => {
    await using fixture = await open()
    await fill(fixture)
    await fixture.pool.query('UPDATE clicks.fleet_series SET humans = humans + 5 WHERE grain_seconds = 0')
    const before = await fixture.rows()
    await expect(fixture.rebuild()).rejects.toThrow('--allow-fewer')
    expect(await fixture.rows()).toEqual(before)
    expect(await fixture.rebuild({ allowFewer: true })).toMatchObject({ isSwapped: true })
  })

  it('reads from the log what was counted before there was an archive, as far as it is kept', async () => {
    await using fixture = await open()
    const batches = livelyBatches(9)
    const values = [1, 2, 3, 4].map(() => batches.next(0, fixture.nowMs))
    for (const batch of values) await fixture.apply(0, batch)
    // The archive was switched on at the third batch, and missed the fourth.
    await fixture.pool.query('DELETE FROM clicks.archive_queue WHERE place <> 3')
    await fixture.pool.query('UPDATE clicks.archive_queue SET place = 1')
    await fixture.pool.query('UPDATE clicks.archive_heads SET next_place = 2')
    const log = values.flat().map((value, offset) => record(offset, value, fixture.nowMs))
    const rangeFrom = (low: number): LogRange => ({
      low: async () => low,
      read: async (_partition, from, to, take) => await take(log.slice(from, to)),
    })
    const { recent_clicks: _, trait_packs: __, ...counted } = await fixture.rows()
    const traits = async () => {
      const text = 'SELECT t::text AS trait FROM clicks.trait_counts AS t ORDER BY 1'
      return (await fixture.pool.query(text)).rows
    }
    const countedTraits = await traits()
    await fixture.pool.query('DELETE FROM clicks.series')
    await fixture.rebuild({ log: rangeFrom(0) })
    // Which clicks of a link are the last ones, and in which order a pack has its names, depends on how the log is cut into
    // batches; the sums do not.
    expect(await fixture.rows()).toMatchObject(counted)
    expect(await traits()).toEqual(countedTraits)
    expect(countedTraits.length).toBeGreaterThan(10)

    await expect(fixture.rebuild({ log: rangeFrom(1) })).rejects.toThrow('The records 0 to 0 of partition 0')
    expect(await fixture.rows()).toMatchObject(counted)
  })

  it.each([
    ['no time', 0],
    ['a time far ahead', startMs + 1_000 * dayMs],
  ])('counts from the log what was counted, where a producer told %s', async (_what, timestampMs) => {
    await using fixture = await open()
    const clicks = (sequence: number, atMs: number) => message(producerId(1), [click({ sequence, atMs })])
    // By the clock of the rebuild the second one would be too old to count.
    const values = [clicks(1, startMs - 60_000), clicks(2, startMs - 88 * dayMs), clicks(3, startMs)]
    await fixture.apply(0, values)
    await fixture.pool.query('DELETE FROM clicks.archive_queue')
    await fixture.pool.query('UPDATE clicks.archive_heads SET next_place = 1')
    const log = values.map((value, offset) => record(offset, value, offset < 2 ? timestampMs : startMs))
    fixture.nowMs += 10 * dayMs
    const result = await fixture.rebuild({
      allowFewer: true,
      isTrial: true,
      log: {
        low: async () => 0,
        read: async (_partition, from, to, take) => {
          for (const one of log.slice(from, to)) await take([one])
        },
      },
    })
    expect(result).toMatchObject({ clicks: 3, liveClicks: 3 })
  })

  it('is not misled by an archiver that ended between storing a segment and telling of it', async () => {
    await using fixture = await open()
    await fill(fixture)
    const counted = await fixture.rows()
    const { pool, archive } = fixture
    const ending: ArchiveStore = {
      ...archive,
      async put(name, content) {
        await archive.put(name, content)
        throw new Error('It ends here.')
      },
    }
    const before = (await segments()).length
    const ports = { pool, archive: ending, key: undefined, now: () => fixture.nowMs }
    await expect(archiveOnce(ports, 0, 100_000)).rejects.toThrow('It ends here.')
    expect(await segments()).toHaveLength(before + 1)
    // More comes before another tries again, so its segment is another one.
    await fixture.apply(0, livelyBatches(21).next(5, fixture.nowMs))
    const more = await fixture.rows()
    expect(more).not.toEqual(counted)
    await fixture.archiveAll()
    await fixture.rebuild()
    expect(await fixture.rows()).toEqual(more)
  })

  it('without records that nobody has any more says which', async () => {
    await using fixture = await open()
    await fill(fixture)
    await fixture.pool.query('DELETE FROM clicks.archive_queue WHERE partition = 1')
    await expect(fixture.rebuild()).rejects.toThrow(/Batch \d+ of partition 1 is in no segment/)
  })
})

it('each table of the schema is rebuilt, or known to be the same after a rebuild', async () => {
  await using fixture = await open()
  const { rows } = await fixture.pool.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'clicks'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
  )
  const kept = [
    'archive_heads',
    'archive_queue',
    'archive_segments',
    'migrations',
    'progress',
    'visitor_salts',
  ]
  expect(rows.map(({ name }) => name).sort()).toEqual([...rebuiltTables, ...kept].sort())
})

describe('a segment', () => {
  it.each<[string, (path: string) => Promise<void>, string]>([
    [
      'with a flipped bit',
      async (path) => {
        const content = await readFile(path)
        const middle = content.length >> 1
        content.writeUInt8(content.readUInt8(middle) ^ 1, middle)
        await writeFile(path, content)
      },
      'is damaged',
    ],
    ['that is cut off', async (path) => await truncate(path, 100), 'is damaged'],
    ['that is empty', async (path) => await truncate(path, 0), 'is damaged'],
    ['that is missing', async (path) => await rm(path), 'is missing'],
  ])('%s is named, and the counts stay', async (_what, damage, says) => {
    await using fixture = await open()
    await fill(fixture)
    const before = await fixture.rows()
    const [path = ''] = await segments()
    const whole = await readFile(path)
    await damage(path)
    const name = path.slice(-64)
    await expect(fixture.rebuild()).rejects.toThrow(`Segment ${name} ${says}`)
    expect(await fixture.rows()).toEqual(before)
    await writeFile(path, whole)
    expect(await fixture.rebuild()).toMatchObject({ isSwapped: true })
    expect(await fixture.rows()).toEqual(before)
  })

  it('that is encrypted is read with its key, also when a newer one encrypts, and not without', async () => {
    const [key, newer] = [newKey(), newKey()]
    await using fixture = await open(key)
    await fill(fixture)
    const before = await fixture.rows()
    for (const path of await segments()) expect((await readFile(path)).includes(key.id)).toBe(true)
    await expect(fixture.rebuild({ keys: [newer] })).rejects.toThrow(`the key ${key.id}`)
    await expect(fixture.rebuild({ keys: [] })).rejects.toThrow(`the key ${key.id}`)
    expect(await fixture.rows()).toEqual(before)
    await fixture.rebuild({ keys: [newer, key] })
    expect(await fixture.rows()).toEqual(before)
  })
})
