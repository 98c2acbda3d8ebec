import { liveLink } from '@linkfleet/contracts/testing/live-link'
import { expect, test } from 'vitest'
import { WrittenChanges } from './written-changes.ts'

const linkOf = (version: number, targetUrl?: string) => ({
  copy: liveLink(`code${version}`, version, targetUrl === undefined ? {} : { targetUrl }),
  asOfMs: version,
})
const isKnown = (written: WrittenChanges, version: number) =>
  written.find({ timeline: 1, version }) !== undefined

test('nothing is kept while no relay asks', () => {
  const written = new WrittenChanges(() => 0)
  written.add(linkOf(1), 0)
  expect(isKnown(written, 1)).toBe(false)
})

test('long URLs drive out what came first, so that memory is bounded by bytes too', () => {
  const written = new WrittenChanges(() => 0)
  written.keep()
  const long = 'u'.repeat(200_000)
  for (let version = 1; version <= 100; version += 1) written.add(linkOf(version, long), 0)
  expect(isKnown(written, 20)).toBe(false)
  expect(isKnown(written, 21)).toBe(true)
})

test('what was forgotten, told again or of an earlier timeline takes no room', () => {
  const written = new WrittenChanges(() => 0)
  written.keep()
  const long = 'u'.repeat(4_000_000)
  for (let round = 0; round < 10; round += 1) {
    written.add(linkOf(1, long), 0)
    written.add(linkOf(2, long), 0)
    written.forget(2)
  }
  written.keepNothing()
  written.keep()
  for (let version = 3; version <= 6; version += 1) written.add(linkOf(version, long), 0)
  expect([3, 4, 5, 6].every((version) => isKnown(written, version))).toBe(true)
})
