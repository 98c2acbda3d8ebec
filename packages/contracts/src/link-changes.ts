/**
 * The topic `link-changes`: every change of a link, for promptness, and marks, which say that nothing was left out. A
 * change's key = domain and code, so the changes of one link stay in one partition, in version order; value = a protobuf
 * `LinkChange`. A record may come twice.
 */
import { encoded } from './encoded.ts'
import {
  type FeedMark,
  LinkChange as LinkChangeMessage,
  LinkCopy,
  LinkState,
} from './generated/linkfleet/links/v1/link.ts'
import { partitionOf } from './partition.ts'

export type { FeedMark } from './generated/linkfleet/links/v1/link.ts'

/** The name of the topic unless LINK_CHANGES_TOPIC says otherwise. */
export const linkChangesTopic = 'link-changes'

/** Nobody reads what came before they did, and marks come each second. */
export const linkChangesKeptMs = 60 * 60 * 1_000

export interface LinkChange {
  readonly link: LinkCopy | undefined
  readonly asOfMs: number
}

export interface FeedRecord {
  readonly key: Buffer
  readonly value: Buffer
  readonly partition: number
}

/** The record of a change. Producers give the partition themselves: it never depends on a client's partitioner. */
export function encodeLinkChange({ link, asOfMs }: LinkChange, partitionCount: number): FeedRecord {
  if (link === undefined) throw new TypeError('A link change needs its link.')
  return {
    key: Buffer.from(`${link.domainId}:${link.code}`),
    value: encoded({ link, asOfMs, mark: undefined }, LinkChangeMessage),
    partition: partitionOf(link.domainId, link.code, partitionCount),
  }
}

/** Of no domain, so nobody asks for it; what else it says does not matter. */
const nobodysLink: LinkCopy = {
  ...LinkCopy.decode(new Uint8Array()),
  code: 'mark',
  version: 1,
  state: LinkState.DELETED,
}

/** The record of a mark of this partition. */
export function encodeFeedMark(mark: FeedMark, partition: number): FeedRecord {
  const value = encoded({ link: nobodysLink, asOfMs: mark.knownAtMs, mark }, LinkChangeMessage)
  return { key: Buffer.from('mark'), value, partition }
}

export interface DecodedLinkChange {
  readonly link: LinkCopy
  readonly asOfMs: number
}

export type DecodedFeedRecord =
  | { readonly change: DecodedLinkChange; readonly mark?: undefined }
  | { readonly mark: FeedMark; readonly change?: undefined }

/** What a record's value holds; undefined when it cannot be read, so that one bad record stops nothing. */
export function decodeFeedRecord(value: Uint8Array | null): DecodedFeedRecord | undefined {
  if (value === null) return undefined
  try {
    const { link, asOfMs, mark } = LinkChangeMessage.decode(value)
    if (mark !== undefined) return { mark }
    if (link === undefined || link.code === '' || link.version === 0) return undefined
    return { change: { link, asOfMs } }
  } catch {
    return undefined
  }
}
