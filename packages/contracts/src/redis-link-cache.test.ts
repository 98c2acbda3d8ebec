import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeEntry,
  decodeMark,
  encodeBody,
  entryKey,
  type FreshLink,
  isNewerCopy,
  judgeEntry,
  markKey,
} from './redis-link-cache.ts'
import { liveLink } from './testing/live-link.ts'

function freshLink(version: number, asOfMs: number, timeline = 1): FreshLink {
  return { copy: liveLink('aB3dE5g', version, { timeline }), asOfMs }
}

/** What the script stores: format, generation, body. */
function stored(link: FreshLink, generation: number): Buffer {
  const header = Buffer.alloc(9)
  header[0] = 1
  header.writeDoubleBE(generation, 1)
  return Buffer.concat([header, encodeBody(link)])
}

describe('an entry of the link cache', () => {
  it('gives back what was written', () => {
    const moment = fc.integer({ min: 0, max: 2 ** 48 })
    fc.assert(
      fc.property(moment, moment, moment, fc.webUrl(), (version, asOfMs, generation, targetUrl) => {
        const link = freshLink(version, asOfMs)
        link.copy.targetUrl = targetUrl
        expect(decodeEntry(stored(link, generation))).toEqual({ ...link, generation })
      }),
    )
  })

  it('is undefined when it is of another format, cut off or damaged', () => {
    const value = stored(freshLink(1, 1), 1)
    const otherFormat = Buffer.from(value)
    otherFormat[0] = 2
    expect(decodeEntry(otherFormat)).toBeUndefined()
    expect(decodeEntry(value.subarray(0, 33))).toBeUndefined()
    expect(decodeEntry(value.subarray(0, value.length - 3))).toBeUndefined()
    expect(decodeEntry(Buffer.alloc(0))).toBeUndefined()
  })

  it('is the copy that its reader has when it is of the same version and timeline, and of no other', () => {
    const value = stored(freshLink(5, 1_000), 7)
    const held = freshLink(5, 1).copy
    expect(decodeEntry(value, held)?.copy).toBe(held)
    expect(decodeEntry(value, held)).toEqual(decodeEntry(value))
    expect(decodeEntry(value, freshLink(4, 1).copy)?.copy.version).toBe(5)
    expect(decodeEntry(value, freshLink(5, 1, 2).copy)?.copy.timeline).toBe(1)
  })

  it('shares its hash tag with its mark', () => {
    const tag = /\{(\d+)\}/.exec(entryKey('lf:', 1, 'aB3dE5g'))?.[1]
    expect(markKey('lf:', Number(tag))).toBe(`lf:mark:{${tag}}`)
  })
})

describe('judging an entry by its mark', () => {
  const entry = stored(freshLink(5, 1_000), 7)

  it('takes the later of its own asOf and the watermark', () => {
    expect(judgeEntry(entry, decodeMark(Buffer.from('7 1 2000 2000 abc')))?.asOfMs).toBe(2_000)
    expect(judgeEntry(entry, decodeMark(Buffer.from('7 1 500 500 abc')))?.asOfMs).toBe(1_000)
  })

  it.each([
    ['the mark is of another generation', '8 1 2000 2000 abc'],
    ['the mark is of another timeline', '7 2 2000 2000 abc'],
    ['the mark cannot be read', 'rubbish'],
  ])('leaves it its own asOf when %s', (_name, mark) => {
    expect(judgeEntry(entry, decodeMark(Buffer.from(mark)))?.asOfMs).toBe(1_000)
  })

  it('leaves it its own asOf when there is no mark', () => {
    expect(judgeEntry(entry, decodeMark(null))?.asOfMs).toBe(1_000)
    expect(decodeMark(null)).toBeUndefined()
  })

  it('is undefined without an entry', () => {
    expect(judgeEntry(null, decodeMark(Buffer.from('7 1 2000 2000 abc')))).toBeUndefined()
  })
})

describe('the order of copies', () => {
  it('puts the timeline before the version', () => {
    expect(isNewerCopy({ timeline: 2, version: 1 }, { timeline: 1, version: 9 })).toBe(true)
    expect(isNewerCopy({ timeline: 1, version: 9 }, { timeline: 2, version: 1 })).toBe(false)
    expect(isNewerCopy({ timeline: 1, version: 2 }, { timeline: 1, version: 1 })).toBe(true)
    expect(isNewerCopy({ timeline: 1, version: 1 }, { timeline: 1, version: 1 })).toBe(false)
  })
})
