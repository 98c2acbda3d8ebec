import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { extractZip, readZip } from './zip.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linkfleet-zip-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

type Entry = { path: string; content: string; mode: number; stored?: boolean }

/** A zip archive as a packager writes it: local entries, the directory, its end. */
function makeZip(entries: Entry[]): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { path, content, mode, stored } of entries) {
    const name = Buffer.from(path)
    const plain = Buffer.from(content)
    const packed = stored ? plain : deflateRawSync(plain)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(stored ? 0 : 8, 4)
    common.writeUInt32LE(crc32(plain), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(plain.length, 18)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, name, packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE((mode << 16) >>> 0, 6)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0003'), common, tail, name]))
    locals.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\u0005\u0006')
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, central, end])
}

async function writeZip(...entries: Entry[]): Promise<string> {
  const file = join(folder, 'archive.zip')
  await writeFile(file, makeZip(entries))
  return file
}

test('stored and deflated files come out as they went in, programs as programs', async () => {
  const archive = await writeZip(
    { path: 'a/plain.txt', content: 'hello', mode: 0o100644, stored: true },
    { path: 'a/program', content: 'x'.repeat(10_000), mode: 0o100755 },
  )
  await extractZip(archive, join(folder, 'out'), (path) => path.slice(2))
  expect(await readFile(join(folder, 'out/plain.txt'), 'utf8')).toBe('hello')
  expect(await readFile(join(folder, 'out/program'), 'utf8')).toBe('x'.repeat(10_000))
  expect((await stat(join(folder, 'out/program'))).mode & 0o777).toBe(0o755)
  expect((await stat(join(folder, 'out/plain.txt'))).mode & 0o777).toBe(0o644)
})

test('only what is asked for is written', async () => {
  const archive = await writeZip(
    { path: 'wanted', content: '1', mode: 0o644 },
    { path: 'other', content: '2', mode: 0o644 },
  )
  await extractZip(archive, join(folder, 'out'), (path) => (path === 'wanted' ? path : undefined))
  expect(await readdir(join(folder, 'out'))).toEqual(['wanted'])
})

test('a path that leaves the folder is refused', async () => {
  const archive = await writeZip({ path: '../escaped', content: '1', mode: 0o644 })
  await expect(extractZip(archive, join(folder, 'out'), (path) => path)).rejects.toThrow('outside')
})

test('a damaged file is refused', () => {
  const archive = makeZip([{ path: 'a', content: 'hello', mode: 0o644, stored: true }])
  archive[archive.indexOf('hello')] = 0
  expect(() => readZip(archive)[0]?.read()).toThrow('damaged')
  expect(() => readZip(Buffer.alloc(100))).toThrow('not a zip')
})
