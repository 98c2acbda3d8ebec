/**
 * Where a link belongs: its Kafka partition and its Redis hash tag. Both hash the domain and the code with
 * FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), 32 bits, finished with MurmurHash3's mixer, since
 * plain FNV-1a spreads its low bits poorly over small moduli.
 */

/** The number of Redis hash tags. A cluster can spread the cache over at most this many slots. */
export const hashTagCount = 64

/** Names this hash in formats that must outlive it, such as the header of a spool segment. */
export const partitionHashName = 'fnv1a32-fmix32'

/** A well-mixed 32-bit hash of a link's key. Codes are ASCII; other characters contribute their UTF-16 units. */
export function hashLinkKey(domainId: number, code: string): number {
  let hash = Math.imul(0x811c9dc5 ^ (domainId & 0xff), 0x01000193)
  hash = Math.imul(hash ^ ((domainId >>> 8) & 0xff), 0x01000193)
  hash = Math.imul(hash ^ ((domainId >>> 16) & 0xff), 0x01000193)
  hash = Math.imul(hash ^ (domainId >>> 24), 0x01000193)
  for (let index = 0; index < code.length; index++) {
    hash = Math.imul(hash ^ code.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** The partition of a link among `partitionCount` (at least 1). */
export function partitionOf(domainId: number, code: string, partitionCount: number): number {
  return hashLinkKey(domainId, code) % partitionCount
}

/** The Redis hash tag of a link: 0 to 63. */
export function hashTagOf(domainId: number, code: string): number {
  return hashLinkKey(domainId, code) % hashTagCount
}
