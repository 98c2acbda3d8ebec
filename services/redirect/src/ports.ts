/** What following a link asks of the world. */
import type { ClickFields } from '@linkfleet/contracts/clicks'
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'

/** A copy of a link and the moment, on the primary's clock, at which it was known to be current. */
export interface KnownCopy {
  readonly copy: LinkCopy
  readonly asOfMs: number
}

/** What a source of whole rows says of a key: the link (or its tombstone), or that it had none at `asOfMs`. */
export interface Reading {
  readonly copy: LinkCopy | undefined
  readonly asOfMs: number
  /** The timeline of the server that said it, where it is told. */
  readonly timeline?: number
}

/** What names a link. */
export interface LinkKey {
  readonly domainId: number
  readonly code: string
}

/** The shared cache. It may forget anything at any time. */
export interface LinkCache {
  /**
   * Answers within its own deadline, or rejects; undefined is a miss. `held` is the copy that is here, which mostly
   * comes back.
   */
  read(domainId: number, code: string, held: LinkCopy | undefined): Promise<KnownCopy | undefined>
  /** Offers a copy; the cache itself refuses one that is older than its own. The caller does not wait for it. */
  fill(known: KnownCopy): Promise<void>
}

/** The read replicas. */
export interface LinkReplicas {
  /**
   * Reads the fastest replica that follows closely; with `lagging`, the one that follows best, however far behind.
   * Rejects, within its deadline, when there is no such replica or none answers.
   */
  read(domainId: number, code: string, lagging: boolean): Promise<Reading>
}

/** The primary's word, through the shortener. Rejects within its deadline when it cannot be had. */
export interface LinkAuthority {
  resolve(domainId: number, code: string): Promise<Reading>
}

/** What is left of a lease of clicks. */
export interface ClickLease {
  readonly key: LinkKey
  /** 16 bytes, of the request that got it. */
  readonly requestId: Buffer
  /** More than was granted stands for all of it: of a request that was not answered nobody knows what it got. */
  readonly unused: number
}

export interface LeasedClicks {
  /** False: the link has no max_clicks any more. */
  readonly isLimited: boolean
  /** 0 when nobody has clicks left. */
  readonly granted: number
  /** What nobody has leased, after this grant. */
  readonly left: number
}

/** Clicks of links with max_clicks. Both reject within their deadline, and both may be repeated. */
export interface ClickLeases {
  /** With the same request id the same clicks. With 0 wanted it only looks. */
  take(key: LinkKey, requestId: Buffer, wanted: number): Promise<LeasedClicks>
  /** Resolves with true when all are back. At most 500. */
  giveBack(leases: readonly ClickLease[]): Promise<true>
}

/** What a preview shows beside the copy; null when the link is not there any more. */
export interface LinkDescriptions {
  describe(key: LinkKey): Promise<{ readonly title: string; readonly createdAtMs: number } | null>
}

/** Bounds how often somebody may fail within a window of time, over all instances. Neither ever rejects. */
export interface AttemptLimit {
  /** Counts one attempt. 0 while that is within the limit, else how long no further one is allowed, in ms. */
  attempt(key: string): Promise<number>
  /** Takes one back: it was no failure. */
  forgive(key: string): Promise<void>
}

/** A source that may be away: undefined instead of a failure, whatever the failure was. */
export type MayMiss<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R>
    ? (...args: A) => Promise<R | undefined>
    : never
}

/** A click before it has a sequence number. Strings may be of any length: the format cuts them. */
export type ClickToRecord = Omit<ClickFields, 'sequence'>

/** Where clicks are made durable before their answers leave. Never throws, never keeps a request waiting for Kafka. */
export interface ClickSink {
  /**
   * Calls `release` exactly once, before this returns or in this turn of the event loop or the next: with false when it is
   * not recorded. `release` must not throw.
   */
  append(click: ClickToRecord, release: (recorded: boolean) => void): void
}

/** Where an address is, as far as it is known; empty means not known. */
export interface Place {
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly region: string
  readonly city: string
}

/** Answers from memory. Never throws, whatever the text. */
export type FindPlace = (address: string) => Place
