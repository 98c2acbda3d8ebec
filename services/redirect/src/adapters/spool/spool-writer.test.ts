import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainClick } from '@linkfleet/contracts/testing/clicks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { segmentHeaderBytes } from '../../domain/spool/segment-format.ts'
import { SpoolWriter } from './spool-writer.ts'

let path: string
let writer: SpoolWriter
let released: number

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'linkfleet-spool-'))
  released = 0
  writer = new SpoolWriter({
    path,
    producerId: Buffer.alloc(16, 1),
    bootId: Buffer.alloc(16, 2),
    partitionCount: 12,
    clock: Date.now,
    otherBytes: () => 0,
    bytesMax: 1_000_000,
    grown: () => {},
    dropped: (_kind, reason) => expect.fail(reason),
    recorded: () => {},
    // A sync may still be under way when the folder goes.
    failed: (what, cause) => what === 'write' && expect.fail(`${cause}`),
  })
})
afterEach(async () => {
  writer[Symbol.dispose]()
  await rm(path, { recursive: true })
})

function append(clicks: number): void {
  for (let click = 0; click < clicks; click += 1) {
    writer.append(plainClick, (recorded) => {
      expect(recorded).toBe(true)
      released += 1
    })
  }
}

function writtenBytes(): number {
  const [segment] = readdirSync(path)
  return statSync(join(path, segment!)).size - segmentHeaderBytes
}

test('the clicks of a turn are written together at its end, and answered after that', async () => {
  append(31)
  expect(released).toBe(0)
  expect(writtenBytes()).toBe(0)
  await new Promise(setImmediate)
  expect(released).toBe(31)
  expect(writtenBytes()).toBeGreaterThan(0)
})

test('no more than 32 answers wait for one write', () => {
  append(100)
  expect(released).toBe(96)
})
