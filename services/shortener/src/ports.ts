/** What shortener asks of the world. Each says what it does when the world does not answer. */
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type { Caller, Role } from './domain/credentials.ts'
import type { Marking } from './domain/feed-marks.ts'
import type { Idempotency } from './domain/idempotency.ts'
import type { Link, LinkKey, NewLink, ReadLink, StoredChanges } from './domain/link.ts'

/** Codes that nobody has had before. */
export interface CodePool {
  /** Throws 'not-created' when the pool stays empty for a moment (300 ms). */
  take(): Promise<string>
  /** So many at once, all or none: what is refused stays in the pool for others. Throws 'not-created' alike. */
  takeAll(count: number): Promise<readonly string[]>
}

export interface MadeVerifier {
  readonly verifier: string
  readonly tookMs: number
}

/** Slow by design, and off the event loop. Both throw 'unavailable' when too many passwords wait already. */
export interface Passwords {
  /** Takes at most 2 s, or throws 'unavailable'. */
  makeVerifier(password: string): Promise<MadeVerifier>
  isPasswordOf(verifier: string, password: string): Promise<boolean>
}

export interface LinkToInsert {
  readonly link: NewLink
  /**
   * The alias, or a code from the pool. null: none is ready, so that the item may only be answered with what there is; to a
   * new link its code counts as taken.
   */
  readonly code: string | null
  readonly passwordVerifier: string | null
  readonly idempotency: Idempotency | null
}

/** An item of a group, and where its outcome goes. */
export interface Placed {
  readonly item: LinkToInsert
  readonly position: number
}

export type InsertOutcome =
  | { readonly kind: 'created'; readonly created: ReadLink }
  /** There was a link that does the same. */
  | { readonly kind: 'reused'; readonly link: Link }
  /** The request was made before; this is the link as it was then. */
  | { readonly kind: 'replayed'; readonly link: Link; readonly isReused: boolean }
  | { readonly kind: 'code-taken' }
  | { readonly kind: 'idempotency-mismatch' }
  /** Another transaction holds what the item needs, and nothing was made. Only a bulk tells it; a single create waits. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'failed'; readonly error: unknown }

export interface BulkOrder {
  /** None of them has an idempotency key of its own, nor a generated code yet. */
  readonly items: readonly LinkToInsert[]
  /** The same items with codes, which are gone with that: asked for when it is the bulk's turn, and not of one that is refused. */
  readonly takeCodes: () => Promise<readonly LinkToInsert[]>
  /** Of the bulk as a whole. */
  readonly idempotency: Idempotency | null
  /**
   * Which of `items`, by index, the record of an earlier attempt leaves open. null: this is the first attempt, as far as is
   * known; a record that there is all the same is the answer as it is.
   */
  readonly openIn: ((record: BulkRecord) => readonly number[]) | null
  /** What a retry is answered with, made of the record there was and of what became of the items, by index. */
  readonly toRecord: (outcomes: ItemOutcomes, record: BulkRecord | undefined) => BulkRecord
  /** The same items with other generated codes: somebody has the first as an alias. */
  readonly replaceCodes: (items: readonly LinkToInsert[]) => Promise<readonly LinkToInsert[]>
}

/** As long as the items; undefined for one that was left as it is. */
export type ItemOutcomes = readonly (InsertOutcome | undefined)[]

/** What a bulk was answered, as JSON; its maker reads it. */
export interface BulkRecord {
  readonly results: readonly unknown[]
  /** Of `passwordsDigest`; null without passwords, absent in records of versions that did not write it. */
  readonly passwordsVerifier?: string | null
}

export type BulkOutcome =
  /** `record` is what an earlier attempt had settled. */
  | {
      readonly kind: 'inserted'
      readonly outcomes: ItemOutcomes
      readonly record: BulkRecord | undefined
    }
  | { readonly kind: 'replayed'; readonly record: BulkRecord }
  | { readonly kind: 'idempotency-mismatch' }

/**
 * All of these answer within 1 s, and by `byMs` (of performance.now()) where it is given, or throw: 'not-created' when
 * surely nothing was changed, 'outcome-unknown' when that cannot be said. With an idempotency key, 'not-created' would
 * also speak for earlier attempts, here or elsewhere, that may be about to commit: so it is never said of one unless the
 * database said so. A caller does not retry; the client does, with its Idempotency-Key.
 */
export interface LinkWriter {
  insert(item: LinkToInsert, byMs: number): Promise<InsertOutcome>
  /** In one transaction. Has begun by `byMs`, and may then take some seconds. Throws 'overloaded' when too many wait. */
  insertBulk(order: BulkOrder, byMs: number): Promise<BulkOutcome>
  /** What this very request made before; undefined when it made nothing. Throws 'unavailable'. */
  findReplay(
    idempotency: Idempotency,
    byMs: number,
  ): Promise<Extract<InsertOutcome, { kind: 'replayed' | 'idempotency-mismatch' }> | undefined>
  /** The same for a bulk, without waiting for an attempt that is under way. Throws 'outcome-unknown'. */
  findBulk(
    idempotency: Idempotency,
    byMs: number,
  ): Promise<Exclude<BulkOutcome, { kind: 'inserted' }> | undefined>
  /**
   * 'version-mismatch' when `ifVersions` is given and the link's version is none of them. Throws 'invalid-request' when the link
   * would expire before it starts.
   */
  edit(
    key: LinkKey,
    changes: StoredChanges,
    ifVersions: readonly number[] | null,
    byMs: number,
  ): Promise<ChangeOutcome>
  delete(key: LinkKey, ifVersions: readonly number[] | null, byMs: number): Promise<ChangeOutcome>
}

export type ChangeOutcome =
  | { readonly kind: 'changed'; readonly changed: ReadLink }
  | { readonly kind: 'unknown-link' }
  | { readonly kind: 'version-mismatch'; readonly version: number }

export interface LinkQuery {
  readonly domainId: number
  /** Only links created before this version; null from the newest on. */
  readonly beforeCreatedVersion: number | null
  readonly linksMax: number
  readonly tag: string | null
  readonly search: string | null
}

export interface LinkPage {
  readonly links: readonly Link[]
  /** Where to go on; null at the end. A search looks at a bounded number of links for each page. */
  readonly nextBeforeCreatedVersion: number | null
}

export interface Resolution {
  readonly links: readonly LinkCopy[]
  readonly asOfMs: number
  readonly timeline: number
}

/** Reads on the primary. They answer within 1 s, and by `byMs` where it is given, or throw 'unavailable'. */
export interface LinkReader {
  /** undefined: unknown or deleted. */
  find(key: LinkKey, byMs?: number): Promise<Link | undefined>
  list(query: LinkQuery, byMs?: number): Promise<LinkPage>
  resolve(keys: readonly LinkKey[]): Promise<Resolution>
}

/** Makes a committed change visible at once. Bounded by a short deadline, never throws: the relay does it again. */
export interface WriteThrough {
  write(read: ReadLink): Promise<void>
}

/** Clicks of each link, in order; all null when they are not told within a short deadline. Never throws. */
export interface ClickTotals {
  totals(keys: readonly LinkKey[]): Promise<readonly (number | null)[]>
}

export interface KeyDescription {
  readonly id: number
  readonly name: string
  readonly role: Role
  readonly createdAtMs: number
  readonly expiresAtMs: number | null
}

/** The key itself is told once, here. */
export interface NewKey extends KeyDescription {
  readonly key: string
}

/** Keys, login tokens and sessions. All throw 'unavailable' when the primary does not answer within 1 s. */
export interface CredentialStore {
  /** undefined: unknown or expired. Answers may be 10 s old. */
  check(credential: string, byMs: number): Promise<Caller | undefined>
  /** The same, never from a cache: for callers that keep the answer themselves. */
  checkNow(credential: string): Promise<Caller | undefined>
  /** undefined: the name is taken. */
  createKey(name: string, role: Role, expiresAtMs: number | null): Promise<NewKey | undefined>
  listKeys(): Promise<readonly KeyDescription[]>
  /** False: there is no such key. */
  deleteKey(id: number): Promise<boolean>
  createLoginToken(role: Role, subject: string): Promise<{ token: string; expiresAtMs: number }>
  /** Spends the token. undefined: unknown, spent or expired. */
  openSession(token: string): Promise<{ session: string; caller: Caller } | undefined>
  closeSession(session: string): Promise<void>
  /** Makes this the one admin key that came from a file. */
  seedAdminKey(key: string): Promise<void>
}

/** A change that is committed and not yet everywhere. */
export interface PendingChange {
  /** The version of the outbox row. The copy is of this version or a newer one. */
  readonly version: number
  readonly copy: LinkCopy
  /** When the copy was known to be current. */
  readonly asOfMs: number
  readonly redisDone: boolean
  readonly kafkaDone: boolean
}

/** One consistent look at the outbox. */
export interface OutboxSnapshot {
  /** In the order of versions. */
  readonly changes: readonly PendingChange[]
  /** Everything acknowledged before it is in this snapshot. */
  readonly asOfMs: number
  /** Nothing committed after it is in this snapshot. */
  readonly takenAtMs: number
  readonly timeline: number
  /** The newest heartbeat in this snapshot; undefined when none was written on this timeline. */
  readonly heartbeatMs: number | undefined
  /** True when `changes` holds all rows that this sink does not have yet. */
  readonly isCompleteForRedis: boolean
  readonly isCompleteForKafka: boolean
}

/** What waits for one sink. */
export interface Backlog {
  /** Counted up to 200,000. */
  readonly changes: number
  /** How long the first of them has waited; 0 when there is none. */
  readonly oldestSeconds: number
}

/** What the active relay does on its one database session. Every method throws when the session is gone. */
export interface OutboxSession {
  /** True when this session holds the lock now: it is the active relay until it ends. */
  tryLead(instance: string): Promise<boolean>
  /** Ends the session of a relay that has not stamped for 1.5 s. True when there was one. */
  deposeFrozen(): Promise<boolean>
  stamp(): Promise<void>
  beat(): Promise<void>
  /** The oldest rows of each sink, at most so many; a sink with 0 is left out. */
  snapshot(changesMax: { readonly redis: number; readonly kafka: number }): Promise<OutboxSnapshot>
  /** Notes what each sink has now; a row that both have goes. */
  settle(done: { readonly redis: readonly number[]; readonly kafka: readonly number[] }): Promise<void>
  /** What is left to do, for those who watch. */
  backlog(): Promise<{ readonly redis: Backlog; readonly kafka: Backlog }>
  /**
   * Deletes some of what is past its time: idempotency records, login tokens, sessions. True when more may be left:
   * a busy fleet makes more records in a minute than one statement should delete.
   */
  prune(): Promise<boolean>
  /** Closes the connection, and with it the lock. Never throws. */
  close(): Promise<void>
}

/** Where changes are published. */
export interface ChangeFeed {
  /** The versions that all replicas in sync acknowledged. Never throws; bounded by the client's own timeouts. */
  publish(changes: readonly PendingChange[], marking?: Marking): Promise<readonly number[]>
}

export interface ClickGrant {
  /** Of the link at the moment of the grant. */
  readonly version: number
  /** False: the link has no max_clicks any more, and nobody needs a lease. */
  readonly isLimited: boolean
  /** May be fewer than wanted; 0 when nothing is left. */
  readonly granted: number
  /** What nobody has leased, after this grant. */
  readonly left: number
}

export interface ReturnedLease {
  readonly key: LinkKey
  readonly requestId: Uint8Array
  /** More than was granted stands for all of it. */
  readonly unused: number
}

/** What links with max_clicks have left. Both answer within 1 s or throw; either may be repeated. */
export interface ClickBudgets {
  /**
   * Leases clicks; the same request id gets the same lease again, never a second one. With 0 wanted it only looks.
   * undefined: there is no such link, or it is deleted or blocked.
   */
  take(key: LinkKey, requestId: Uint8Array, wanted: number): Promise<ClickGrant | undefined>
  /** Gives back what was not used, once for each lease; one that is unknown by now is passed over. */
  giveBack(leases: readonly ReturnedLease[]): Promise<void>
}
