/** Batches with something of all that is counted: each value of each trait, robots, orphans, visitors, poison. */
import type { ClickFields, OrphanReason } from '@linkfleet/contracts/clicks'
import { chrome, click, googlebot, message, producerId } from './clicks.ts'

/** Numbers that look random and are the same for the same seed (xorshift). */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const countries = ['AT', 'DE', 'FR', '']
const minuteMs = 60_000

export interface LivelyBatches {
  /** The next batch of a partition: messages, of which some are of no use. */
  next(partition: number, nowMs: number): (Buffer | null)[]
}

export function livelyBatches(seed: number): LivelyBatches {
  const below = numbers(seed)
  const sequences = new Map<number, number>()
  const sent = new Map<number, Buffer>()

  function lively(partition: number, sequence: number, nowMs: number): ClickFields {
    const isOrphan = below(10) === 0
    return click({
      sequence,
      atMs: nowMs - below(90) * minuteMs,
      code: `p${partition}x${below(30) * below(3)}`,
      kind: isOrphan ? 2 : 1,
      orphanReason: (isOrphan ? 1 + below(3) : 0) as OrphanReason,
      country: countries[below(countries.length)] ?? '',
      referrerHost: below(2) === 0 ? `r${below(3_000)}.example` : '',
      userAgent: below(4) === 0 ? googlebot : chrome,
      language: below(2) === 0 ? 'de' : 'en',
      visitor: Buffer.from(`visitor ${below(2_500)}`.padEnd(16)),
    })
  }

  return {
    next(partition, nowMs) {
      const values = Array.from({ length: 1 + below(4) }, () => {
        const first = (sequences.get(partition) ?? 0) + 1
        const last = first + below(60)
        sequences.set(partition, last)
        const clicks = Array.from({ length: last - first + 1 }, (_none, index) =>
          lively(partition, first + index, nowMs),
        )
        return message(producerId(partition), clicks)
      })
      const again = sent.get(partition)
      sent.set(partition, values.at(-1) ?? Buffer.alloc(0))
      if (again !== undefined && below(4) === 0) return [again, ...values]
      if (below(8) === 0) return [...values, Buffer.from(`poison ${below(5)}`), null]
      return values
    },
  }
}
