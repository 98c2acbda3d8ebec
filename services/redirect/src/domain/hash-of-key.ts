/** FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) from a seed, finished with MurmurHash3's mixer: 32 bits. */
export function hashOfKey(key: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
