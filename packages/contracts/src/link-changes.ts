/**
 * The topic `link-changes`: every change of a link, for promptness. Key = domain and code, so the changes of one
 * link stay in one partition, in version order; value = a protobuf `LinkChange`. A record may come twice.
 */
import { encoded } from './encoded.ts'
import { LinkChange } from './generated/linkfleet/links/v1/links.ts'
import { partitionOf } from './partition.ts'

export { LinkChange } from './generated/linkfleet/links/v1/links.ts'

/** The name of the topic unless LINK_CHANGES_TOPIC says otherwise. */
export const linkChangesTopic = 'link-changes'

export interface LinkChangeRecord {
  readonly key: Buffer
  readonly value: Buffer
  readonly partition: number
}

/** The record of a change. Producers give the partition themselves: it never depends on a client's partitioner. */
export function encodeLinkChange(change: LinkChange, partitionCount: number): LinkChangeRecord {
  const { link } = change
  if (link === undefined) throw new TypeError('A link change needs its link.')
  return {
    key: Buffer.from(`${link.domainId}:${link.code}`),
    value: encoded(change, LinkChange),
    partition: partitionOf(link.domainId, link.code, partitionCount),
  }
}

export interface DecodedLinkChange {
  readonly link: NonNullable<LinkChange['link']>
  readonly asOfMs: number
}

/** The change in a record's value; undefined when it cannot be read, so that one bad record stops nothing. */
export function decodeLinkChange(value: Uint8Array | null): DecodedLinkChange | undefined {
  if (value === null) return undefined
  try {
    const { link, asOfMs } = LinkChange.decode(value)
    if (link === undefined || link.code === '' || link.version === 0) return undefined
    return { link, asOfMs }
  } catch {
    return undefined
  }
}
