import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSpoolWithThread } from '../../testing/spool-with-thread.ts'
import { openClickSpool } from './click-spool.ts'
import { adoptFolders, readBootId } from './spool-folder.ts'

const bytesMax = 1_000_000
let spoolDir: string

beforeEach(async () => {
  spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-spool-'))
})
afterEach(async () => await rm(spoolDir, { recursive: true, force: true }))

test('what was set aside takes its room in the bound of the spool, until it is removed', async () => {
  const setAside = join(spoolDir, 'set-aside')
  await mkdir(setAside)
  await writeFile(join(setAside, 'unreadable.clicks'), Buffer.alloc(bytesMax))
  const dropped: string[] = []
  await using spool = await openSpoolWithThread({
    spoolDir,
    bytesMax,
    partitionCount: 1,
    brokers: testKafkaBrokers(),
    topic: uniqueName('clicks'),
    drainTimeoutMs: 5_000,
    clock: Date.now,
    recorded: () => undefined,
    dropped: (_kind, reason) => dropped.push(reason),
    failed: () => undefined,
  })
  const append = () => new Promise<boolean>((resolve) => spool.append(plainClick, resolve))
  expect(await append()).toBe(false)
  expect(dropped).toEqual(['full'])
  expect(spool.state().bytes).toBeGreaterThanOrEqual(bytesMax)
  await rm(setAside, { recursive: true })
  await spool.adopt()
  expect(await append()).toBe(true)
})

test('nobody else gets the folder before the thread that works in it has ended', async () => {
  const complain = (folder: string, cause: unknown) => expect.fail(`${folder}: ${cause}`)
  const adoptable = async () => {
    const folders = await adoptFolders(spoolDir, new Set(), 1, complain)
    for (const folder of folders) folder[Symbol.dispose]()
    return folders.length
  }
  let whileItEnded: number | undefined
  const spool = await openClickSpool({
    spoolDir,
    bytesMax,
    partitionCount: 1,
    bootId: await readBootId(),
    drainTimeoutMs: 0,
    clock: Date.now,
    log: silentLogger(),
    recorded: () => undefined,
    dropped: (_kind, reason) => expect.fail(reason),
    failed: (what, cause) => expect.fail(`${what}: ${cause}`),
    thread: {
      listen: () => undefined,
      tell: () => undefined,
      async [Symbol.asyncDispose]() {
        whileItEnded = await adoptable()
      },
    },
  })
  expect(await new Promise<boolean>((resolve) => spool.append(plainClick, resolve))).toBe(true)
  await spool[Symbol.asyncDispose]()
  expect(whileItEnded).toBe(0)
  expect(await adoptable()).toBe(1)
})
