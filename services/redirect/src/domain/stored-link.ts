/**
 * A link as memory stores it: of one that only leads somewhere, as most do, the status and the target; of any other the
 * whole message. Its key, version and timeline stand beside it.
 */
import { LinkCopy, LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { isAscii } from './ascii.ts'

export interface StoredOrder {
  readonly key: string
  readonly version: number
  readonly timeline: number
}

/** A plain link begins with its status in two bytes, the first of which is never this one. */
const wholeMessage = 0xff
const plainHeadBytes = 2

/** Whether a link only leads somewhere, and nothing of it depends on how much its writer knew of the format. */
export function isPlainLink(copy: LinkCopy, key: string): boolean {
  return (
    copy.state === LinkState.LIVE &&
    copy.domainId === 1 &&
    copy.code === key &&
    !copy.forwardQuery &&
    copy.startsAtMs === 0 &&
    copy.expiresAtMs === 0 &&
    copy.maxClicks === 0 &&
    !copy.passwordProtected &&
    copy.passwordVerifier === '' &&
    copy.redirectStatus < wholeMessage << 8 &&
    isAscii(copy.targetUrl)
  )
}

/** Writes to `room` where there is enough of it; what it gives back is valid as long as `room` is left alone. */
export function encodeStored(copy: LinkCopy, key: string, room: Buffer): Uint8Array {
  if (isPlainLink(copy, key) && plainHeadBytes + copy.targetUrl.length <= room.length) {
    room.writeUInt16BE(copy.redirectStatus)
    return room.subarray(0, plainHeadBytes + room.write(copy.targetUrl, plainHeadBytes, 'latin1'))
  }
  return Buffer.concat([Buffer.of(wholeMessage), LinkCopy.encode(copy).finish()])
}

/** Of the first `bytes` of `room`. */
export function decodeStored({ key, version, timeline }: StoredOrder, room: Buffer, bytes: number): LinkCopy {
  if (room[0] === wholeMessage) return LinkCopy.decode(room.subarray(1, bytes))
  return {
    domainId: 1,
    code: key,
    version,
    timeline,
    state: LinkState.LIVE,
    targetUrl: room.toString('latin1', plainHeadBytes, bytes),
    redirectStatus: room.readUInt16BE(),
    forwardQuery: false,
    startsAtMs: 0,
    expiresAtMs: 0,
    maxClicks: 0,
    passwordProtected: false,
    passwordVerifier: '',
  }
}
