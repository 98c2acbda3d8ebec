/** The keys of an archive: one a line, 32 bytes in hex or base64. The first encrypts, all decrypt. */
import { createHash } from 'node:crypto'

export interface ArchiveKey {
  /** Says which key a segment needs, and nothing about the key. */
  readonly id: string
  readonly secret: Buffer
}

const secretBytes = 32
const keysMax = 64

/** Lines that are empty or begin with # are passed over. Throws an Error that says which line is wrong. */
export function readArchiveKeys(text: string): ArchiveKey[] {
  const keys: ArchiveKey[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const written = line.trim()
    if (written === '' || written.startsWith('#')) continue
    const secret = /^[0-9a-f]{64}$/i.test(written)
      ? Buffer.from(written, 'hex')
      : Buffer.from(written, 'base64')
    if (secret.length !== secretBytes)
      throw new Error(`line ${index + 1} is not a key of ${secretBytes} bytes in hex or base64`)
    keys.push({ id: idOf(secret), secret })
  }
  if (keys.length === 0) throw new Error('it holds no key')
  if (keys.length > keysMax) throw new Error(`it holds more than ${keysMax} keys`)
  return keys
}

function idOf(secret: Buffer): string {
  return createHash('sha256').update('linkfleet archive key ').update(secret).digest('hex').slice(0, 16)
}
