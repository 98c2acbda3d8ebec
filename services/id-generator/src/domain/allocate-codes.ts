import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { Generator } from './generator.ts'

export const CODES_PER_CALL_MAX = 1_000

/** How often a call waits for a further block before it gives up: callers have pools and other instances. */
const ROUNDS_WAITED_MAX = 10

export type AllocateCodes = (count: number, signal: AbortSignal) => Promise<string[]>

/**
 * Allocates codes from what is at hand, and waits for a block when there is nothing. Throws LinkfleetError
 * 'invalid-request' (field `count`) or 'unavailable'.
 */
export function createAllocateCodes(options: {
  readonly generator: Pick<Generator, 'take' | 'wantsBlock'>
  readonly wakeUpkeep: () => void
  /** Waits for one round of upkeep; false when it failed or `signal` aborted. */
  readonly nextRound: (signal: AbortSignal) => Promise<boolean>
  readonly nowMs: () => number
}): AllocateCodes {
  const { generator, wakeUpkeep, nextRound, nowMs } = options
  return async (count, signal) => {
    if (!Number.isInteger(count) || count < 1 || count > CODES_PER_CALL_MAX) {
      throw new LinkfleetError('invalid-request', `count must be 1 to ${CODES_PER_CALL_MAX}.`, {
        field: 'count',
      })
    }
    for (let round = 0; ; round += 1) {
      const codes = generator.take(count, nowMs())
      if (generator.wantsBlock) wakeUpkeep()
      if (codes !== undefined) return codes
      if (round === ROUNDS_WAITED_MAX || !(await nextRound(signal))) {
        throw new LinkfleetError('unavailable', 'No codes are at hand and none can be reserved right now.', {
          retryAfterSeconds: 1,
        })
      }
    }
  }
}
