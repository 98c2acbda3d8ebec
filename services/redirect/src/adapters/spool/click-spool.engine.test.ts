import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import { silentLogger } from '@linkfleet/runtime/log'
import { testKafkaBrokers, uniqueName } from '@linkfleet/testkit/engines'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openClickSpool } from './click-spool.ts'

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
  await using spool = await openClickSpool({
    spoolDir,
    bytesMax,
    partitionCount: 1,
    brokers: testKafkaBrokers(),
    topic: uniqueName('clicks'),
    instance: 'test',
    logLevel: 'silent',
    drainTimeoutMs: 5_000,
    clock: Date.now,
    log: silentLogger(),
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
