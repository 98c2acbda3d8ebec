/**
 * A segment of the archive: some applied batches of one partition, compressed, perhaps encrypted, and named by the
 * SHA-256 of what is stored, so that anyone can tell a damaged one without any key.
 *
 *   'LFCA' | version (1 byte) | length of the header (4 bytes) | header in JSON | body [| tag (16 bytes)]
 *
 * The body is zstd of the batches. With a key it is encrypted by AES-256-GCM under a random nonce, and everything
 * before it is authenticated with it.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import type { ArchiveKey } from './archive-key.ts'
import { type ArchivedBatch, decodeBatches, encodeBatches } from './batch-codec.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

const magic = Buffer.from('LFCA')
const version = 1
const prefixBytes = magic.length + 5
const headerBytesMax = 4_096
const nonceBytes = 12
const tagBytes = 16
/** What one segment may hold before compression: whoever reads it has room for that much. */
export const segmentBytesMax = 256 * 1_048_576

export interface Segment {
  /** SHA-256 of the content in hex. */
  readonly name: string
  readonly content: Buffer
}

interface Header {
  readonly partition: number
  readonly firstPlace: number
  readonly lastPlace: number
  readonly encryption: { readonly keyId: string; readonly nonce: string } | null
}

/** A segment cannot be used. The message says why, and which one. */
export class SegmentDamaged extends Error {
  override readonly name = 'SegmentDamaged'

  constructor(name: string, why: string) {
    super(`Segment ${name} ${why}`)
  }
}

export function nameOf(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

/** `batches` are not empty and follow each other. Without a key, the same batches make the same segment. */
export async function sealSegment(
  partition: number,
  batches: readonly ArchivedBatch[],
  key: ArchiveKey | undefined,
): Promise<Segment> {
  const [first, last] = [batches[0], batches.at(-1)]
  if (first === undefined || last === undefined) throw new RangeError('A segment has at least one batch.')
  const nonce = randomBytes(nonceBytes)
  const prefix = encodePrefix({
    partition,
    firstPlace: first.place,
    lastPlace: last.place,
    encryption: key === undefined ? null : { keyId: key.id, nonce: nonce.toString('hex') },
  })
  const body = await compress(encodeBatches(batches))
  const content = Buffer.concat([prefix, ...(key === undefined ? [body] : encrypt(key, nonce, prefix, body))])
  return { name: nameOf(content), content }
}

/** Throws SegmentDamaged unless the content is what the name says, of that partition, readable, and whole. */
export async function openSegment(
  name: string,
  content: Buffer,
  partition: number,
  keys: readonly ArchiveKey[],
): Promise<ArchivedBatch[]> {
  if (nameOf(content) !== name)
    throw new SegmentDamaged(name, 'is damaged: its content is not that of its name.')
  const { header, prefix, body } = decodePrefix(name, content)
  if (header.partition !== partition)
    throw new SegmentDamaged(name, `is of partition ${header.partition}, not of ${partition}.`)
  const plain = header.encryption === null ? body : decrypt(name, header.encryption, prefix, body, keys)
  try {
    return decodeBatches(await decompress(plain, { maxOutputLength: segmentBytesMax }))
  } catch (cause) {
    throw new SegmentDamaged(name, `cannot be read: ${(cause as Error).message}`)
  }
}

function encrypt(key: ArchiveKey, nonce: Buffer, prefix: Buffer, body: Buffer): Buffer[] {
  const cipher = createCipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: tagBytes })
  cipher.setAAD(prefix)
  return [cipher.update(body), cipher.final(), cipher.getAuthTag()]
}

function decrypt(
  name: string,
  { keyId, nonce }: { readonly keyId: string; readonly nonce: string },
  prefix: Buffer,
  body: Buffer,
  keys: readonly ArchiveKey[],
): Buffer {
  const key = keys.find(({ id }) => id === keyId)
  if (key === undefined)
    throw new SegmentDamaged(
      name,
      `is encrypted with the key ${keyId}, which ARCHIVE_KEY_FILE does not have.`,
    )
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.secret, Buffer.from(nonce, 'hex'), {
      authTagLength: tagBytes,
    })
    decipher.setAAD(prefix)
    decipher.setAuthTag(body.subarray(body.length - tagBytes))
    return Buffer.concat([decipher.update(body.subarray(0, body.length - tagBytes)), decipher.final()])
  } catch {
    throw new SegmentDamaged(name, `cannot be decrypted with the key ${keyId}.`)
  }
}

function encodePrefix(header: Header): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const lead = Buffer.alloc(5)
  lead.writeUInt8(version, 0)
  lead.writeUInt32BE(json.length, 1)
  return Buffer.concat([magic, lead, json])
}

function decodePrefix(name: string, content: Buffer): { header: Header; prefix: Buffer; body: Buffer } {
  const isOurs = content.length > prefixBytes && content.subarray(0, magic.length).equals(magic)
  if (!isOurs) throw new SegmentDamaged(name, 'is not a segment of this archive.')
  const found = content.readUInt8(magic.length)
  if (found !== version)
    throw new SegmentDamaged(name, `has the format ${found}; this version of the code reads ${version}.`)
  const headerBytes = content.readUInt32BE(magic.length + 1)
  const bodyAt = prefixBytes + headerBytes
  if (headerBytes > headerBytesMax || bodyAt > content.length)
    throw new SegmentDamaged(name, 'has no header that can be read.')
  try {
    const header = JSON.parse(content.toString('utf8', prefixBytes, bodyAt)) as Header
    return { header, prefix: content.subarray(0, bodyAt), body: content.subarray(bodyAt) }
  } catch {
    throw new SegmentDamaged(name, 'has no header that can be read.')
  }
}
