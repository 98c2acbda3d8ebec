/**
 * Takes files out of a zip archive (a jar or a wheel is one). Method: APPNOTE.TXT sections 4.3.12 and 4.3.16, the
 * central directory read from the end; only stored and deflated entries below 4 GiB, which is all that jars and
 * wheels of this size use. Paths that would leave the folder are refused.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import { crc32, inflateRawSync } from 'node:zlib'

const END_RECORD = 0x06054b50
const CENTRAL_ENTRY = 0x02014b50
const LOCAL_ENTRY = 0x04034b50

export type ZipEntry = { path: string; mode: number; read(): Buffer }

export function readZip(archive: Buffer): ZipEntry[] {
  const end = findEnd(archive)
  const count = archive.readUInt16LE(end + 10)
  const entries: ZipEntry[] = []
  let at = archive.readUInt32LE(end + 16)
  for (let index = 0; index < count; index++) {
    if (archive.readUInt32LE(at) !== CENTRAL_ENTRY) throw new Error('the archive has a damaged directory')
    const nameLength = archive.readUInt16LE(at + 28)
    const path = archive.toString('utf8', at + 46, at + 46 + nameLength)
    const header = at
    if (!path.endsWith('/'))
      entries.push({
        path,
        mode: archive.readUInt16LE(at + 40),
        read: () => readEntry(archive, header, path),
      })
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
  }
  return entries
}

function findEnd(archive: Buffer): number {
  const lowest = Math.max(0, archive.length - 22 - 0xffff)
  for (let at = archive.length - 22; at >= lowest; at--) {
    if (archive.readUInt32LE(at) === END_RECORD) return at
  }
  throw new Error('this is not a zip archive')
}

function readEntry(archive: Buffer, header: number, path: string): Buffer {
  const method = archive.readUInt16LE(header + 10)
  const checksum = archive.readUInt32LE(header + 16)
  const packedLength = archive.readUInt32LE(header + 20)
  const local = archive.readUInt32LE(header + 42)
  if (archive.readUInt32LE(local) !== LOCAL_ENTRY) throw new Error(`${path} is damaged in the archive`)
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
  const packed = archive.subarray(start, start + packedLength)
  if (method !== 0 && method !== 8) throw new Error(`${path} is packed in a way this reader does not know`)
  const content = method === 0 ? packed : inflateRawSync(packed)
  if (crc32(content) !== checksum) throw new Error(`${path} is damaged in the archive`)
  return content
}

/** Writes the entries whose renamed path is not undefined. */
export async function extractZip(
  archiveFile: string,
  folder: string,
  rename: (path: string) => string | undefined,
): Promise<void> {
  for (const entry of readZip(await readFile(archiveFile))) {
    const name = rename(entry.path)
    if (name === undefined) continue
    const safe = normalize(name)
    if (isAbsolute(safe) || safe.startsWith('..'))
      throw new Error(`the archive names a file outside: ${name}`)
    const target = join(folder, safe)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, entry.read())
    await chmod(target, entry.mode & 0o100 ? 0o755 : 0o644)
  }
}
