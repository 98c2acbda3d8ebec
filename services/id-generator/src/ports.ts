import type { CodeKey } from '@linkfleet/short-code/code-space'

/**
 * A server and one life of it: it changes with each promotion and restore. Written as
 * `<system identifier>/<timeline, eight hexadecimal digits>`, so places of one system sort by age.
 */
export type Place = string

/** The right to reserve blocks of a shard, until someone else has taken it over: then the epoch is outdated. */
export interface Lease {
  readonly shard: number
  readonly epoch: number
  readonly place: Place
}

export type Reservation =
  /** The counter values [first, end) are this caller's alone, durably. */
  | {
      readonly kind: 'reserved'
      readonly first: number
      readonly end: number
      readonly keyVersion: number
    }
  /** Another holder has the shard. */
  | { readonly kind: 'fenced' }
  /** The database is another server, or has another timeline, than when the lease was taken or renewed. */
  | { readonly kind: 'moved' }
  /** The block would end beyond the ceiling. */
  | { readonly kind: 'beyond-ceiling' }
  /** The shard has no values left. */
  | { readonly kind: 'used-up' }

export interface ReserveRequest {
  readonly lease: Lease
  readonly values: number
  /** The block must not end beyond this value. */
  readonly ceiling: number
  /** The shard's values end here; a last block may be shorter. */
  readonly countersMax: number
}

/**
 * The durable counters. Each call is one committed transaction of its own and resolves after its commit. A call that
 * throws may have taken effect or not; repeating it is always safe, since values can only be burnt.
 * Timeouts: each call ends within its adapter's statement timeout. No call retries.
 */
export interface ShardLedger {
  /** Leases up to `count` shards that nobody holds and that have values left, those with the lowest counters first. */
  acquire(request: { owner: string; count: number; ttlMs: number; countersMax: number }): Promise<Lease[]>
  /** Extends the leases that still are this caller's, and returns these. */
  renew(request: { leases: readonly Lease[]; ttlMs: number }): Promise<Lease[]>
  /** Gives leases back at once. */
  release(leases: readonly Lease[]): Promise<void>
  reserve(request: ReserveRequest): Promise<Reservation>
  /** The keys in the order of their versions, and the place where these are the keys. */
  keys(): Promise<{ place: Place; keys: CodeKey[] }>
}

export type StandbyReading =
  | { readonly kind: 'standby'; readonly shards: ReadonlyMap<number, { nextValue: number; place: Place }> }
  /** It is no standby, or no longer one. */
  | { readonly kind: 'writable'; readonly place: Place }
  | { readonly kind: 'silent' }

/** The replicas that may be promoted. Never throws; a replica that does not answer within its timeout is silent. */
export interface Standbys {
  readonly count: number
  /** One reading for each replica, always in the same order. */
  read(shards: readonly number[]): Promise<StandbyReading[]>
}
