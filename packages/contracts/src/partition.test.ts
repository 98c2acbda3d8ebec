import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashLinkKey, hashTagCount, hashTagOf, partitionOf } from './partition.ts'

test('the hash of known keys never changes: spools and topics outlive a release', () => {
  expect([
    hashLinkKey(1, 'abc'),
    hashLinkKey(1, 'zzzzzzz'),
    hashLinkKey(2, 'abc'),
    hashLinkKey(70_000, ''),
  ]).toMatchInlineSnapshot(`
    [
      944146339,
      1639897646,
      2662618770,
      445226127,
    ]
  `)
})

test('a partition and a hash tag are always within their bounds', () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 31 - 1),
      fc.string(),
      fc.integer({ min: 1, max: 1_000 }),
      (domainId, code, count) => {
        expect(partitionOf(domainId, code, count)).toBeLessThan(count)
        expect(partitionOf(domainId, code, count)).toBeGreaterThanOrEqual(0)
        expect(hashTagOf(domainId, code)).toBeLessThan(hashTagCount)
      },
    ),
  )
})

test('neighbouring codes spread evenly: no partition of 12 has over 15 % more than its share', () => {
  const counts = new Array<number>(12).fill(0)
  for (let index = 0; index < 120_000; index++) {
    const partition = partitionOf(1, `code${index}`, 12)
    counts[partition] = (counts[partition] ?? 0) + 1
  }
  expect(Math.max(...counts)).toBeLessThan(11_500)
  expect(Math.min(...counts)).toBeGreaterThan(8_500)
})
