/**
 * Reads links on the read replicas of Postgres. Each statement returns the heartbeat of its own snapshot, so a
 * reading says how current it is. A probe each second keeps every replica's lag and latency known, also of those
 * that are not read, and is what lets one that failed be read again: no request ever tries out a replica.
 */
import type { LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { Logger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { chooseReplica, type ReplicaHealth, withFailure, withProbe } from '../domain/replica-choice.ts'
import type { LinkReplicas, Reading } from '../ports.ts'
import { createBatch } from './batch.ts'
import { withDeadline } from './deadline.ts'

export interface LinkReplicasOptions {
  readonly urls: readonly string[]
  readonly timeoutMs: number
  readonly clock: () => number
  readonly log: Logger
}

interface Key {
  readonly domainId: number
  readonly code: string
}

interface LinkRow {
  readonly [column: string]: unknown
  readonly beat_at_ms: number
  readonly beat_timeline: number
  /** null when the key has no row. */
  readonly version: number | null
  readonly state: LinkState
  readonly target_url: string
  readonly redirect_status: number
  readonly forward_query: boolean
  readonly starts_at_ms: number
  readonly expires_at_ms: number
  readonly max_clicks: number
  readonly password_protected: boolean
  readonly password_verifier: string
}

/** One snapshot: the heartbeat, and for each key its row or nulls, in the order of the keys. */
const readLinksText = `
SELECT (extract(epoch FROM h.beat_at) * 1000)::float8 AS beat_at_ms, h.timeline AS beat_timeline,
  l.version, l.state, l.target_url, l.redirect_status, l.forward_query,
  coalesce(extract(epoch FROM l.starts_at) * 1000, 0)::float8 AS starts_at_ms,
  coalesce(extract(epoch FROM l.expires_at) * 1000, 0)::float8 AS expires_at_ms,
  coalesce(l.max_clicks, 0) AS max_clicks, l.password_protected,
  coalesce(l.password_verifier, '') AS password_verifier
FROM links.heartbeat h
CROSS JOIN unnest($1::integer[], $2::text[]) WITH ORDINALITY AS k (domain_id, code, place)
LEFT JOIN links.links l ON l.domain_id = k.domain_id AND l.code = k.code COLLATE "C"
WHERE h.id = 1
ORDER BY k.place`

const probeEveryMs = 1_000
const keysMax = 200
const connectionsMax = 4

class Replica {
  readonly pool: Pool
  readonly ask: (key: Key) => Promise<Reading>
  health: ReplicaHealth = { up: false, latencyMs: 0, beatAtMs: 0 }
  probing = false

  constructor(url: string, options: LinkReplicasOptions) {
    this.pool = openPool({
      url,
      name: 'redirect',
      maxConnections: connectionsMax,
      statementTimeoutMs: options.timeoutMs,
      connectTimeoutMs: 1_000,
      log: options.log,
    })
    this.ask = createBatch<Key, Reading>({
      itemsMax: keysMax,
      lingerMs: 0,
      run: (keys) => readLinks(this.pool, keys),
    })
  }
}

export interface OpenLinkReplicas extends LinkReplicas, AsyncDisposable {
  /** One for each replica, in the order of its URLs. */
  health(): readonly ReplicaHealth[]
  /** Whether a read has a replica to go to. */
  canRead(lagging: boolean): boolean
}

export function openLinkReplicasPg(options: LinkReplicasOptions): OpenLinkReplicas {
  const { clock } = options
  const replicas = options.urls.map((url) => new Replica(url, options))
  const probing = setInterval(() => replicas.forEach((replica) => void probe(replica, clock)), probeEveryMs)
  for (const replica of replicas) void probe(replica, clock)

  function choose(lagging: boolean): Replica | undefined {
    const health = replicas.map((replica) => replica.health)
    return replicas[chooseReplica(health, clock(), lagging)]
  }

  return {
    canRead: (lagging) => choose(lagging) !== undefined,
    async read(domainId, code, lagging) {
      const replica = choose(lagging)
      if (replica === undefined) throw new Error('no replica follows closely')
      try {
        return await withDeadline(replica.ask({ domainId, code }), options.timeoutMs)
      } catch (cause) {
        replica.health = withFailure(replica.health)
        throw cause
      }
    },
    health: () => replicas.map(({ health }) => health),
    async [Symbol.asyncDispose]() {
      clearInterval(probing)
      await Promise.all(replicas.map(({ pool }) => pool[Symbol.asyncDispose]()))
    },
  }
}

async function probe(replica: Replica, clock: () => number): Promise<void> {
  if (replica.probing) return
  replica.probing = true
  const sentAtMs = clock()
  try {
    const { rows } = await replica.pool.query<{ beat_at_ms: number }>({
      name: 'redirect-probe',
      text: `SELECT (extract(epoch FROM beat_at) * 1000)::float8 AS beat_at_ms FROM links.heartbeat WHERE id = 1`,
    })
    replica.health = withProbe(replica.health, clock() - sentAtMs, rows[0]?.beat_at_ms ?? 0)
  } catch {
    replica.health = withFailure(replica.health)
  } finally {
    replica.probing = false
  }
}

async function readLinks(pool: Pool, keys: readonly Key[]): Promise<Reading[]> {
  const { rows } = await pool.query<LinkRow>({
    name: 'redirect-read-links',
    text: readLinksText,
    values: [keys.map(({ domainId }) => domainId), keys.map(({ code }) => code)],
  })
  return keys.map((key, place) => {
    const row = rows[place]
    if (row === undefined) throw new Error('the replica has no heartbeat')
    return { copy: toCopy(key, row), asOfMs: Math.floor(row.beat_at_ms) }
  })
}

/** A row is ordered by the timeline of the snapshot it was seen in: what a promotion lost must not outrank it. */
function toCopy(key: Key, row: LinkRow): LinkCopy | undefined {
  if (row.version === null) return undefined
  return {
    domainId: key.domainId,
    code: key.code,
    version: row.version,
    timeline: row.beat_timeline,
    state: row.state,
    targetUrl: row.target_url,
    redirectStatus: row.redirect_status,
    forwardQuery: row.forward_query,
    startsAtMs: row.starts_at_ms,
    expiresAtMs: row.expires_at_ms,
    maxClicks: row.max_clicks,
    passwordProtected: row.password_protected,
    passwordVerifier: row.password_verifier,
  }
}
