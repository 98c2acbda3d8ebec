/** What the thread of the redirects and the thread of the sender tell each other. */

export interface WorkerOptions {
  readonly instance: string
  readonly logLevel: string
  readonly brokers: readonly string[]
  readonly topic: string
  /** How many the topic gets when it does not exist yet. */
  readonly partitions: number
  readonly bootId: Uint8Array
  /** Where clicks go that Kafka refuses for good. */
  readonly setAsideDir: string
}

/** A segment of the own folder has so many bytes of whole records now; a sealed one will grow no more. */
export interface Growth {
  readonly segment: number
  readonly bytes: number
  readonly sealed: boolean
}

export type WorkerRequest =
  /** A folder that this process holds: its own, or one of a producer that is dead. */
  | { readonly kind: 'folder'; readonly path: string; readonly producerId: Uint8Array; readonly own: boolean }
  | ({ readonly kind: 'grown'; readonly path: string } & Growth)
  /** Whether room is short: then what was sent is not kept any longer. */
  | { readonly kind: 'pressed'; readonly pressed: boolean }
  /** Send small batches at once: the process is about to end. */
  | { readonly kind: 'hurry' }
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
  readonly kafka: string
  readonly folders: readonly FolderReport[]
}
