/**
 * A PostgreSQL primary and its streaming replicas, members pg-1, pg-2, … of one cluster. A file beside them names
 * the current primary; it is written before a replica becomes one. A member that was primary once and is no longer
 * is never started beside the new one: its folder is thrown away and seeded again from the new one.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LocalFleetError } from '../problem.ts'
import type { Program } from '../programs/program.ts'
import { waitFor } from '../wait.ts'
import { type Engine, type EngineHome, startEngine } from './engine.ts'
import {
  copyStopped,
  initialize,
  type Member,
  type PostgresFolder,
  preparePostgresFolder,
  seedFromRunning,
  writeMemberSettings,
} from './postgres-folder.ts'
import { removeStalePid } from './postgres-pid.ts'
import { settlePrimary, writePrimaryName } from './postgres-primary.ts'
import { connectOnce, memberUrl } from './postgres-query.ts'

export type PostgresOptions = { firstPort: number; replicas: number; maxConnections: number }

export type PostgresCluster = {
  primary: Engine
  replicas: Engine[]
  /** Every member, in the order of their names. */
  members: Member[]
  folder: PostgresFolder
  program: Program
  password: string
}

export async function startPostgres(
  place: EngineHome,
  program: Program,
  options: PostgresOptions,
): Promise<PostgresCluster> {
  const folder = await preparePostgresFolder(place.home)
  const members = Array.from({ length: options.replicas + 1 }, (_, index) => ({
    name: `pg-${index + 1}`,
    port: options.firstPort + index,
    data: join(folder.path, `pg-${index + 1}`),
  }))
  const password = await initialize(folder, program, members[0] as Member, place.signal)
  const { name, member: primaryMember } = await settlePrimary(folder, members)
  if (!primaryMember)
    throw new LocalFleetError(
      `${name} is the primary of the data in ${folder.path}: start with more replicas than ${options.replicas}.`,
    )
  const cluster = { place, program, folder, password, options, members, primary: primaryMember }
  const others = members.filter((member) => member !== primaryMember)
  // While the primary has never run, its folder as it lies is the cheapest seed.
  if (!existsSync(join(primaryMember.data, 'started'))) {
    for (const member of others) await copyStopped(folder, primaryMember, member)
  }
  const primary = await startMember(cluster, primaryMember)
  const settled = await Promise.allSettled(others.map((member) => startReplica(cluster, member)))
  const replicas = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = settled.find((one) => one.status === 'rejected')
  if (failed) {
    await Promise.all([primary, ...replicas].map((engine) => engine.process.stop()))
    throw failed.reason
  }
  return { primary, replicas, members, folder, program, password }
}

type Cluster = {
  place: EngineHome
  program: Program
  folder: PostgresFolder
  password: string
  options: PostgresOptions
  members: Member[]
  primary: Member
}

/** Starts a member as what the cluster says it is, and waits until it answers as that. */
async function startMember(cluster: Cluster, member: Member): Promise<Engine> {
  const engine = await startProcess(cluster, member)
  return { ...engine, startAgain: () => startAgain(cluster, member) }
}

/** A member that died may find that another one was made primary meanwhile: then it follows that one. */
async function startAgain(cluster: Cluster, member: Member): Promise<Engine> {
  const writable = await findWritable(cluster, member)
  if (writable && writable !== cluster.primary) {
    await writePrimaryName(cluster.folder, writable.name)
    cluster.primary = writable
  }
  return member === cluster.primary ? startMember(cluster, member) : startReplica(cluster, member)
}

async function findWritable(cluster: Cluster, except: Member): Promise<Member | undefined> {
  for (const member of cluster.members) {
    if (member === except) continue
    try {
      await using client = await connectOnce(memberUrl(member.port, cluster.password))
      const { rows } = await client.query('SELECT pg_is_in_recovery() AS replica')
      if (rows[0]?.replica === false) return member
    } catch {
      // It is away, so it is nobody's primary.
    }
  }
  return undefined
}

async function startProcess(cluster: Cluster, member: Member): Promise<Engine> {
  const { folder, password, program, place, primary, options } = cluster
  await writeMemberSettings(folder, member, member === primary ? undefined : primary, password, options)
  await removeStalePid(member.data)
  const url = memberUrl(member.port, password)
  const command = {
    name: member.name,
    program: program.path,
    args: ['-D', member.data],
    cwd: member.data,
    env: { LC_ALL: 'C' },
    // Fast shutdown: sessions are ended, everything is on disk.
    stopSignal: 'INT' as const,
    user: folder.user,
  }
  const expected = member !== primary
  return startEngine(place, command, url, 60_000, async () => {
    await using client = await connectOnce(url)
    const { rows } = await client.query('SELECT pg_is_in_recovery() AS replica')
    return rows[0]?.replica === expected ? true : undefined
  })
}

/** A replica that cannot follow (too far behind, or on a branch that was given up) is seeded again, once. */
async function startReplica(cluster: Cluster, member: Member): Promise<Engine> {
  const superseded = existsSync(member.data) && !existsSync(join(member.data, 'standby.signal'))
  const seeded = superseded || !existsSync(join(member.data, 'PG_VERSION'))
  if (seeded) await seed(cluster, member)
  try {
    return await startFollowing(cluster, member, seeded ? 60_000 : 15_000)
  } catch (error) {
    if (seeded || cluster.place.signal?.aborted) throw error
    await seed(cluster, member)
    return startFollowing(cluster, member, 60_000)
  }
}

function seed(cluster: Cluster, member: Member): Promise<void> {
  return seedFromRunning(cluster.folder, cluster.primary, member, cluster.password)
}

async function startFollowing(cluster: Cluster, member: Member, timeoutMs: number): Promise<Engine> {
  const engine = await startMember(cluster, member)
  try {
    await waitUntilStreaming(cluster, member, timeoutMs)
    return engine
  } catch (error) {
    await engine.process.stop()
    throw error
  }
}

/** Streaming and replaying: what the primary had written when we asked has been replayed. */
async function waitUntilStreaming(cluster: Cluster, member: Member, timeoutMs: number): Promise<void> {
  await using primary = await connectOnce(memberUrl(cluster.primary.port, cluster.password))
  await using replica = await connectOnce(memberUrl(member.port, cluster.password))
  const written = (await primary.query('SELECT pg_current_wal_flush_lsn() AS lsn')).rows[0]?.lsn as string
  const what = `${member.name} did not follow the primary`
  await waitFor({ what, timeoutMs, signal: cluster.place.signal }, async () => {
    const { rows } = await replica.query(
      `SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS replayed,
              EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS streaming`,
      [written],
    )
    return rows[0]?.replayed && rows[0]?.streaming ? true : undefined
  })
}

/**
 * Makes a replica the primary. The file is written first: should we die in between, the next start promotes it.
 * The old primary must be dead already.
 */
export async function promote(cluster: PostgresCluster, name: string): Promise<void> {
  const member = cluster.members.find((one) => one.name === name)
  if (!member) throw new Error(`there is no member ${name}`)
  await writePrimaryName(cluster.folder, name)
  await using client = await connectOnce(memberUrl(member.port, cluster.password))
  await client.query('SELECT pg_promote(true, 30)')
}
