/**
 * A rebuild from its start to its end: an empty shadow, all that is archived while services go on counting into the
 * live set, then, while nobody can apply a batch, the little that is left, a comparison, and the swap.
 */
import type { Pool, Queryable } from '@linkfleet/runtime/postgres'
import { allTimeSeconds } from '../../domain/grains.ts'
import { livePositions, Rebuild, type RebuildOptions } from './rebuild-counts.ts'
import { createShadow, dropLeftOvers, shadowOf, swapShadow } from './shadow-schema-pg.ts'

export interface RebuildCommand extends Omit<RebuildOptions, 'shadow'> {
  /** Of the owner of the tables. */
  readonly pool: Pool
  /** Another one of the same database: its prepared statements are the shadow's. */
  readonly shadowPool: Pool
  /** Whether the rebuilt set may have fewer clicks than the live one. */
  readonly allowFewer: boolean
  /** Leaves the live set as it is, and the shadow for whoever wants to look at it. */
  readonly isTrial: boolean
}

export interface RebuildResult {
  readonly clicks: number
  readonly liveClicks: number
  readonly isSwapped: boolean
}

/** The live set stays as it is, since the rebuilt one has fewer clicks. */
export class FewerClicks extends Error {
  override readonly name = 'FewerClicks'
}

/** A lock that is not had within this time is asked for again: whoever wants to read waits behind us. */
const lockTimeoutMs = 2_000
const attemptsMax = 30
const closeMs = 1_000
/** "arch" as a number, and one that is no partition. */
const rebuildLock = 'pg_try_advisory_lock(1634886504, -1)'

/** Throws SegmentDamaged, RecordsMissing or FewerClicks, and then the live set is as it was. */
export async function rebuildAndSwap(command: RebuildCommand): Promise<RebuildResult> {
  const { pool, say, now } = command
  using session = await pool.session()
  const { rows } = await session.query<{ mine: boolean }>(`SELECT ${rebuildLock} AS mine`)
  if (rows[0]?.mine !== true) throw new Error('Another rebuild of this database is under way.')
  await createShadow(pool)
  const rebuild = new Rebuild({ ...command, shadow: shadowOf(command.shadowPool) })
  await rebuild.catchUp(await livePositions(pool), false)
  await rebuild.prune(now())
  say('everything is counted anew; now for what came meanwhile')
  await catchUpClosely(command, rebuild)
  const result = await swapWhenFree(command, rebuild)
  if (result.isSwapped) await dropLeftOvers(pool)
  await session.query('SELECT pg_advisory_unlock_all()')
  return result
}

/**
 * Until so little comes during a pass that nobody waits long for the rest, or passes no longer get shorter: a service
 * that counts as fast as a rebuild does is caught up with only while it is made to wait.
 */
async function catchUpClosely({ pool }: RebuildCommand, rebuild: Rebuild): Promise<void> {
  let tookMs = Number.POSITIVE_INFINITY
  for (let lastMs = Number.POSITIVE_INFINITY; tookMs === Number.POSITIVE_INFINITY || tookMs < lastMs / 2; ) {
    lastMs = tookMs
    const startedMs = performance.now()
    await rebuild.catchUp(await livePositions(pool), false)
    tookMs = performance.now() - startedMs
    if (tookMs < closeMs) return
  }
}

async function swapWhenFree(command: RebuildCommand, rebuild: Rebuild): Promise<RebuildResult> {
  for (let attempt = 1; ; attempt++) {
    let compared = { clicks: 0, liveClicks: 0 }
    try {
      const isSwapped = await swapShadow(command.pool, lockTimeoutMs, async (fenced) => {
        await rebuild.catchUp(await livePositions(fenced), true)
        await comparePositions(fenced)
        compared = await compareClicks(fenced)
        if (compared.clicks < compared.liveClicks && !command.allowFewer && !command.isTrial)
          throw new FewerClicks(
            `The rebuilt counts have ${compared.clicks} clicks, the live ones ${compared.liveClicks}. --allow-fewer swaps all the same.`,
          )
        return !command.isTrial
      })
      return { ...compared, isSwapped }
    } catch (cause) {
      if (!isLockTaken(cause) || attempt >= attemptsMax) throw cause
      command.say('a table is in use; trying again')
      await rebuild.catchUp(await livePositions(command.pool), false)
    }
  }
}

function isLockTaken(cause: unknown): boolean {
  const { code } = cause as { code?: unknown }
  return code === '55P03' || code === '40P01'
}

/** The last record of each partition is the same in both, so the log that was read is the one that was counted. */
async function comparePositions(fenced: Queryable): Promise<void> {
  const { rows } = await fenced.query<{ partition: number }>(
    `SELECT partition FROM clicks.partitions AS counted
      FULL JOIN clicks_rebuild.partitions AS rebuilt USING (partition)
      WHERE (counted.next_offset, counted.fingerprint) IS DISTINCT FROM (rebuilt.next_offset, rebuilt.fingerprint)
      ORDER BY partition`,
  )
  if (rows.length > 0)
    throw new Error(
      `The rebuilt counts do not end where the live ones do, in partition ${rows.map(({ partition }) => partition).join(', ')}.`,
    )
}

async function compareClicks(fenced: Queryable): Promise<{ clicks: number; liveClicks: number }> {
  const sumOf = (schema: string) =>
    `(SELECT coalesce(sum(humans + bots + orphans), 0)::bigint FROM ${schema}.fleet_series WHERE grain_seconds = ${allTimeSeconds})`
  const { rows } = await fenced.query<{ clicks: number; liveClicks: number }>(
    `SELECT ${sumOf('clicks_rebuild')} AS clicks, ${sumOf('clicks')} AS "liveClicks"`,
  )
  return rows[0] ?? { clicks: 0, liveClicks: 0 }
}
