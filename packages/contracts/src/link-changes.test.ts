import { describe, expect, it } from 'vitest'
import { LinkChange } from './generated/linkfleet/links/v1/link.ts'
import { decodeFeedRecord, encodeFeedMark, encodeLinkChange } from './link-changes.ts'
import { partitionOf } from './partition.ts'
import { liveLink } from './testing/live-link.ts'

const link = liveLink('aB3dE5g', 42, {
  targetUrl: 'https://example.com/ä?b=c',
  redirectStatus: 302,
  expiresAtMs: 1_800_000_000_123,
})

describe('the topic link-changes', () => {
  it('gives back the change that was written', () => {
    const record = encodeLinkChange({ link, asOfMs: 1_700_000_000_001 }, 12)
    expect(decodeFeedRecord(record.value)).toEqual({ change: { link, asOfMs: 1_700_000_000_001 } })
  })

  it('keys a record by domain and code, and places it by the hash that all services share', () => {
    const record = encodeLinkChange({ link, asOfMs: 1 }, 12)
    expect(record.key.toString()).toBe('1:aB3dE5g')
    expect(record.partition).toBe(partitionOf(1, 'aB3dE5g', 12))
  })

  it.each([
    ['a deletion marker', null],
    ['an empty value', Buffer.alloc(0)],
    ['bytes that are no message', Buffer.from('ffffffffff', 'hex')],
    ['a message that is cut off', encodeLinkChange({ link, asOfMs: 1 }, 1).value.subarray(0, 9)],
  ])('answers undefined for %s', (_name, value) => {
    expect(decodeFeedRecord(value)).toBeUndefined()
  })

  it('gives back the mark that was written, which is no change', () => {
    const mark = {
      knownAtMs: 1_700_000_000_001,
      timeline: 2,
      partitionCount: 12,
      previous: { offset: 7_000_000_000, takenAtMs: 1_700_000_000_000 },
    }
    const { value, partition } = encodeFeedMark(mark, 5)
    expect(partition).toBe(5)
    expect(decodeFeedRecord(value)).toEqual({ mark })
  })

  it('writes a mark that a reader who knows none takes for a change of a link that nobody asks for', () => {
    const { value } = encodeFeedMark({ knownAtMs: 1, timeline: 1, partitionCount: 1, previous: undefined }, 0)
    expect(LinkChange.decode(value).link).toMatchObject({ domainId: 0, version: 1 })
  })

  it('refuses to write a change without a link', () => {
    expect(() => encodeLinkChange({ link: undefined, asOfMs: 1 }, 1)).toThrow(TypeError)
  })
})
