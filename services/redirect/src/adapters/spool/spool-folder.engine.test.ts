import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ClickKind, OrphanReason } from '@linkfleet/contracts/clicks'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import { silentLogger } from '@linkfleet/runtime/log'
import { eventually } from '@linkfleet/testkit/eventually'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ClickToRecord } from '../../ports.ts'
import { FolderSender } from './folder-sender.ts'
import {
  adoptFolders,
  createFolder,
  listSegments,
  readBootId,
  removeFolder,
  segmentName,
} from './spool-folder.ts'
import { SpoolWriter, type SpoolWriterOptions } from './spool-writer.ts'

const folderModule = new URL('./spool-folder.ts', import.meta.url).href
const none = new Set<string>()
const neverFails = (path: string, cause: unknown) => expect.fail(`${path}: ${cause}`)
let spoolDir: string
const children: ChildProcess[] = []

beforeEach(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-spool-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await rm(spoolDir, { recursive: true, force: true })
})

/** Another process that makes a folder, writes one segment into it, and then does nothing. */
async function startHolder(): Promise<ChildProcess> {
  const script = `
    import { createFolder, segmentName } from ${JSON.stringify(folderModule)}
    import { writeFileSync } from 'node:fs'
    const folder = await createFolder(${JSON.stringify(spoolDir)})
    writeFileSync(folder.path + '/' + segmentName(1), 'x')
    console.log('held')
    setInterval(() => folder.path, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await once(child.stdout!, 'data')
  return child
}

const click: ClickToRecord = { ...plainClick, userAgent: 'agent' }
const orphan: ClickToRecord = { ...click, kind: ClickKind.ORPHAN, orphanReason: OrphanReason.UNKNOWN }

async function openWriter(more: Partial<SpoolWriterOptions> = {}) {
  const folder = await createFolder(spoolDir)
  const dropped: string[] = []
  const grown: { segment: number; bytes: number; sealed: boolean }[] = []
  const writer = new SpoolWriter({
    path: folder.path,
    producerId: folder.producerId,
    bootId: await readBootId(),
    partitionCount: 4,
    clock: Date.now,
    otherBytes: () => 0,
    bytesMax: 1_000_000,
    grown: (segment, bytes, sealed) => grown.push({ segment, bytes, sealed }),
    dropped: (_kind, reason) => dropped.push(reason),
    recorded: () => undefined,
    failed: () => undefined,
    ...more,
  })
  const append = (what: ClickToRecord) => new Promise<boolean>((resolve) => writer.append(what, resolve))
  return { folder, writer, append, dropped, grown }
}

describe('the folders of the spool', () => {
  test('one that another process holds is not adopted, not even while that process is frozen', async () => {
    const holder = await startHolder()
    expect(await adoptFolders(spoolDir, none, 10, neverFails)).toEqual([])
    holder.kill('SIGSTOP')
    expect(await adoptFolders(spoolDir, none, 10, neverFails)).toEqual([])
    holder.kill('SIGCONT')
    expect(await adoptFolders(spoolDir, none, 10, neverFails)).toEqual([])
    holder.kill('SIGKILL')
    const [adopted] = await eventually(async () => {
      const folders = await adoptFolders(spoolDir, none, 10, neverFails)
      return folders.length === 1 && folders
    })
    expect(await listSegments(adopted!.path)).toEqual([1])
    adopted![Symbol.dispose]()
  })

  test('of two that adopt at once, one gets the folder', async () => {
    const holder = await startHolder()
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const both = await Promise.all([
      adoptFolders(spoolDir, none, 10, neverFails),
      adoptFolders(spoolDir, none, 10, neverFails),
    ])
    expect(both.flat()).toHaveLength(1)
    for (const folder of both.flat()) folder[Symbol.dispose]()
  })

  test('a folder that still holds clicks is not removed; an empty one is', async () => {
    const folder = await createFolder(spoolDir)
    await writeFile(join(folder.path, segmentName(1)), 'x')
    await expect(removeFolder(folder)).rejects.toThrow('still holds clicks')
    const empty = await createFolder(spoolDir)
    await removeFolder(empty)
    expect(await readdir(spoolDir)).toHaveLength(1)
  })
})

describe('the writer of the spool', () => {
  test('clicks of one turn are written by one call and released after it', async () => {
    const { writer, append, grown, folder } = await openWriter()
    expect(await Promise.all([append(click), append(click), append(orphan)])).toEqual([true, true, true])
    writer[Symbol.dispose]()
    expect(grown.at(-1)).toMatchObject({ segment: 1, sealed: true })
    folder[Symbol.dispose]()
  })

  test('when the spool is full clicks are no longer recorded; orphans are dropped from half of it on', async () => {
    let otherBytes = 0
    const { writer, append, dropped, folder } = await openWriter({
      otherBytes: () => otherBytes,
      bytesMax: 100_000,
    })
    expect(await append(orphan)).toBe(true)
    otherBytes = 51_000
    expect(await append(orphan)).toBe(false)
    expect(await append(click)).toBe(true)
    otherBytes = 100_000
    expect(await append(click)).toBe(false)
    expect(dropped).toEqual(['half-full', 'full'])
    writer[Symbol.dispose]()
    folder[Symbol.dispose]()
  })

  test('a segment that is large enough is followed by the next one', async () => {
    const { writer, append, folder } = await openWriter({ segmentBytesMax: 1_000 })
    for (let count = 0; count < 60; count += 1) expect(await append(click)).toBe(true)
    writer[Symbol.dispose]()
    expect((await listSegments(folder.path)).length).toBeGreaterThan(2)
    folder[Symbol.dispose]()
  })
})

describe('an adopted folder', () => {
  async function spoolOf(clicks: number) {
    const { writer, append, folder } = await openWriter({ segmentBytesMax: 1_000 })
    for (let count = 0; count < clicks; count += 1) await append(click)
    writer[Symbol.dispose]()
    return folder
  }
  type Options = ConstructorParameters<typeof FolderSender>[0]
  type Folder = Pick<Options, 'path' | 'producerId'>
  const senderOf = async (folder: Folder, more: Partial<Options> = {}) => {
    const sent: number[] = []
    const sender = new FolderSender({
      ...folder,
      own: false,
      topic: { send: async (_partition, value) => void sent.push(value.length) },
      bootId: await readBootId(),
      setAsideDir: join(spoolDir, 'set-aside'),
      chunk: Buffer.alloc(4_096),
      log: silentLogger(),
      ...more,
    })
    return { sender, sent }
  }
  const sentBy = async (folder: Folder, more: Partial<Options> = {}, keepMs = 0) => {
    const { sender, sent } = await senderOf(folder, more)
    for (let step = 0; step < 10; step += 1) {
      await sender.step(true, keepMs)
      await new Promise(setImmediate)
    }
    await sender.close()
    return { sender, sent }
  }

  test('is sent, cleared, and sent no second time', async () => {
    const folder = await spoolOf(50)
    const { sender, sent } = await sentBy(folder)
    expect(sent.length).toBeGreaterThan(0)
    await eventually(async () => {
      await sender.step(true, 0)
      return sender.isFinished
    })
    expect(await listSegments(folder.path)).toEqual([])
    await removeFolder(folder)
  })

  test('is sent again whole after another boot of the machine, and not after the same', async () => {
    const folder = await spoolOf(50)
    const send = async (bootId: Buffer) => (await sentBy(folder, { bootId }, 60_000)).sent.length
    const boot = await readBootId()
    expect(await send(boot)).toBeGreaterThan(0)
    expect(await send(boot)).toBe(0)
    expect(await send(Buffer.alloc(16, 1))).toBeGreaterThan(0)
    folder[Symbol.dispose]()
  })

  test('a segment without a whole header, and one older than the marks of its readers, are set aside', async () => {
    const folder = await spoolOf(50)
    const [first, second] = await listSegments(folder.path)
    await truncate(join(folder.path, segmentName(first!)), 20)
    await writeFile(join(folder.path, segmentName(second!)), Buffer.alloc(1_000, 7))
    await sentBy(folder)
    const aside = `${basename(folder.path)}-${segmentName(second!)}`
    expect(await readdir(join(spoolDir, 'set-aside'))).toEqual([aside])
    const old = await spoolOf(10)
    const in91Days = () => Date.now() + 91 * 24 * 60 * 60 * 1_000
    const { sent } = await sentBy(old, { clock: in91Days })
    expect(sent).toEqual([])
    folder[Symbol.dispose]()
    old[Symbol.dispose]()
  })

  test('a segment that cannot be set aside for want of disk does not keep the others from being sent', async () => {
    const folder = await spoolOf(50)
    const [first] = await listSegments(folder.path)
    await writeFile(join(folder.path, segmentName(first!)), Buffer.alloc(1_000, 7))
    const setAsideDir = join(spoolDir, 'set-aside')
    // As mkdir on a full disk: nothing can be put there until there is room.
    await writeFile(setAsideDir, '')
    const { sender, sent } = await sentBy(folder)
    expect(sent.length).toBeGreaterThan(0)
    expect([await listSegments(folder.path), sender.isFinished]).toEqual([[first], false])
    await rm(setAsideDir)
    await eventually(async () => {
      await sender.step(true, 0)
      return sender.isFinished
    })
    expect(await readdir(setAsideDir)).toEqual([`${basename(folder.path)}-${segmentName(first!)}`])
    expect(await listSegments(folder.path)).toEqual([])
    await removeFolder(folder)
  })

  test('a sender that starts anew in the midst is told of segments that were sent and removed', async () => {
    const folder = await spoolOf(50)
    const [first, ...others] = await listSegments(folder.path)
    await rm(join(folder.path, segmentName(first!)))
    const { sender, sent } = await senderOf(folder, { own: true })
    for (const segment of [first!, ...others]) {
      const bytes = segment === first ? 1_000 : (await stat(join(folder.path, segmentName(segment)))).size
      sender.extend(segment, bytes, true)
    }
    await eventually(async () => {
      await sender.step(true, 0)
      return sender.isSent
    })
    expect(sent.length).toBeGreaterThan(0)
    await sender.close()
    folder[Symbol.dispose]()
  })
})
