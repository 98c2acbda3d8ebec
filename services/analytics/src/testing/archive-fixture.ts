/** A database into which batches are applied and queued for an archive, for tests of the archive and of rebuilds. */
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { testDatabase } from '@linkfleet/testkit/engines'
import { queueBatch } from '../adapters/archive/archive-queue-pg.ts'
import { archiveOnce } from '../adapters/archive/archive-segments-pg.ts'
import { rebuildAndSwap } from '../adapters/rebuild/rebuild-and-swap.ts'
import { rebuiltTables } from '../adapters/rebuild/shadow-schema-pg.ts'
import { openClickStorePg } from '../adapters/rollups/click-store-pg.ts'
import { createUserAgentClassifier } from '../adapters/user-agents.ts'
import type { ArchiveKey } from '../domain/archive/archive-key.ts'
import { readRecords } from '../domain/batch-plan.ts'
import type { ArchiveStore, ClickStore, LogRange } from '../ports.ts'
import { record } from './clicks.ts'

export interface ArchiveFixture extends AsyncDisposable {
  readonly url: string
  readonly pool: Pool
  readonly archive: ArchiveStore
  /** The clock of what is applied from now on. */
  nowMs: number
  /** Applies values as the next records of a partition; the first batch of one begins its log. */
  apply(partition: number, values: readonly (Buffer | null)[]): Promise<void>
  /** Makes segments of all that waits. */
  archiveAll(): Promise<void>
  rebuild(options?: RebuildChoices): ReturnType<typeof rebuildAndSwap>
  /** As `rowsOfCounts` gives them. */
  rows(): Promise<Record<string, string[]>>
}

export interface RebuildChoices {
  readonly keys?: readonly ArchiveKey[]
  readonly log?: LogRange
  readonly allowGaps?: boolean
  readonly allowFewer?: boolean
  readonly isTrial?: boolean
}

/** A log that keeps nothing of what was applied. */
const emptyLog: LogRange = {
  low: async () => Number.MAX_SAFE_INTEGER,
  read: async () => {
    throw new Error('Nothing of the log is kept.')
  },
}
const retention = { minuteDays: 35, hourDays: 400 }

export async function openArchiveFixture(
  archive: ArchiveStore,
  nowMs: number,
  key?: ArchiveKey,
): Promise<ArchiveFixture> {
  await using resources = new AsyncDisposableStack()
  const database = resources.use(await testDatabase())
  const open = () =>
    resources.use(
      openPool({
        url: database.url,
        name: 'test',
        maxConnections: 6,
        statementTimeoutMs: 20_000,
        connectTimeoutMs: 3_000,
        log: silentLogger(),
      }),
    )
  const pool = open()
  const shadowPool = open()
  const classify = createUserAgentClassifier()
  const positions = new Map<number, number>()
  const store: ClickStore = openClickStorePg({
    pool,
    classify,
    now: () => fixture.nowMs,
    recordApplied: queueBatch,
  })
  const fixture: ArchiveFixture = {
    url: database.url,
    pool,
    archive,
    nowMs,
    async apply(partition, values) {
      const from = positions.get(partition) ?? 0
      if (from === 0) await store.begin(partition, 0)
      const records = values.map((value, index) => record(from + index, value))
      const read = readRecords(records, fixture.nowMs)
      for (let isApplied = false; !isApplied; ) {
        try {
          const outcome = await store.apply(partition, from, read)
          if (outcome.kind === 'out-of-step') throw new Error('Nobody else applies.')
          isApplied = true
        } catch (cause) {
          // While the sets are swapped, a batch waits for its lock, and after a while is told to try again.
          if ((cause as { code?: unknown }).code !== '55P03') throw cause
        }
      }
      positions.set(partition, from + values.length)
    },
    async archiveAll() {
      for (const partition of positions.keys()) {
        const ports = { pool, archive, key, now: () => fixture.nowMs }
        while ((await archiveOnce(ports, partition, 100_000)) !== undefined);
      }
    },
    rebuild: async (options = {}) =>
      await rebuildAndSwap({
        pool,
        shadowPool,
        source: { database: pool, archive, keys: options.keys ?? (key === undefined ? [] : [key]) },
        log: options.log ?? emptyLog,
        classify,
        retention,
        allowGaps: options.allowGaps ?? false,
        allowFewer: options.allowFewer ?? false,
        isTrial: options.isTrial ?? false,
        now: () => fixture.nowMs,
        say: () => {},
      }),
    rows: async () => await rowsOfCounts(pool),
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  }
  const owned = resources.move()
  return fixture
}

/** Every row of every table of counts, in text, by table; without the numbers that dead letters are given. */
export async function rowsOfCounts(pool: Pool): Promise<Record<string, string[]>> {
  const tables: Record<string, string[]> = {}
  for (const table of rebuiltTables) {
    const { rows } = await pool.query<{ row: string }>(
      `SELECT (to_jsonb(counted) - 'id')::text AS row FROM clicks.${table} AS counted ORDER BY 1`,
    )
    tables[table] = rows.map(({ row }) => row)
  }
  return tables
}
