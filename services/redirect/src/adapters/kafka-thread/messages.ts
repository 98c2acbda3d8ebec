/** What the thread of the redirects and the thread that speaks with Kafka tell each other. */
import type { DecodedLinkChange, FeedMark } from '@linkfleet/contracts/link-changes'

export interface Topic {
  readonly topic: string
  /** How many it gets when it does not exist yet. */
  readonly partitions: number
}

export interface WorkerOptions {
  readonly instance: string
  readonly logLevel: string
  readonly brokers: readonly string[]
  readonly clicks: Topic
  /** Of this boot of the machine, as the writer of the spool has it. */
  readonly bootId: Uint8Array
  /** Clicks that Kafka refuses for good are set aside in it. */
  readonly spoolDir: string
  readonly linkChanges: Topic
}

/** A segment of the own folder has so many bytes of whole records now; a sealed one will grow no more. */
export interface Growth {
  readonly segment: number
  readonly bytes: number
  readonly sealed: boolean
}

/** What the sender of clicks is told. */
export type SenderRequest =
  /** A folder that this process holds: its own, or one of a producer that is dead. */
  | { readonly kind: 'folder'; readonly path: string; readonly producerId: Uint8Array; readonly own: boolean }
  | ({ readonly kind: 'grown'; readonly path: string } & Growth)
  /** Whether room is short: then what was sent is not kept any longer. */
  | { readonly kind: 'pressed'; readonly pressed: boolean }
  /** Send small batches at once: the process is about to end. */
  | { readonly kind: 'hurry' }

export type WorkerRequest =
  | SenderRequest
  /** All that the feed told up to this message was heeded. */
  | { readonly kind: 'heeded'; readonly number: number }
  | { readonly kind: 'close' }

export interface FolderReport {
  readonly path: string
  readonly bytes: number
  readonly unsentBytes: number
  readonly damagedBytes: number
  readonly setAsideClicks: number
  readonly sentMessages: number
  /** The first segment that is still there; those before it were sent and removed. 0 before the first is known. */
  readonly firstSegment: number
  /** The last segment that was told of and taken in; 0 before the first. */
  readonly segment: number
  /** How many bytes of it were. */
  readonly segmentBytes: number
  /** Everything was sent and removed; the folder can go. */
  readonly finished: boolean
}

export interface WorkerReport {
  readonly kind: 'report'
  /** 'up', or what went wrong last, of the clicks and of the feed. */
  readonly clicks: string
  readonly feed: string
  readonly folders: readonly FolderReport[]
}

/** What the feed tells, in its order. */
export type FeedEvent =
  | { readonly kind: 'changed'; readonly change: DecodedLinkChange }
  | {
      readonly kind: 'marked'
      readonly mark: FeedMark
      readonly partition: number
      readonly offset: number
    }
  | { readonly kind: 'gap'; readonly reason: string }

export interface FeedNews {
  readonly kind: 'feed'
  /** Counts these messages of one thread. */
  readonly number: number
  readonly events: readonly FeedEvent[]
}

export type WorkerMessage = WorkerReport | FeedNews
