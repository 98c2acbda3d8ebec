/**
 * Tells a primary that is slow from one that says nothing at all. Work that may rightly take seconds goes on as long as the
 * server answers anybody, on whatever connection; when all are silent it is asked, and when that is not answered either, it
 * is frozen or cut off, and nobody is kept waiting for its timeouts.
 */
import type { Pool } from '@linkfleet/runtime/postgres'
import { outcomeUnknown } from './store-errors-pg.ts'

const silentMsMax = 800
const askAfterSilentMs = 250
const lookEveryMs = 50

/** The result of `work`, or 'outcome-unknown' as soon as the server has answered nothing for 800 ms. */
export async function whileAnswering<T>(
  pool: Pick<Pool, 'answeredAtMs' | 'query'>,
  work: Promise<T>,
): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>()
  let heardAtMs = performance.now()
  let lookedAtMs = heardAtMs
  let isAsking = false

  async function ask(): Promise<void> {
    isAsking = true
    // Its answer is seen where all answers are; without one there is nothing to say here.
    await pool.query('SELECT 1').catch(() => {})
    isAsking = false
  }

  const looking = setInterval(() => {
    const nowMs = performance.now()
    const stoodStillMs = nowMs - lookedAtMs - lookEveryMs
    lookedAtMs = nowMs
    // While this process stood still it heard nobody: answers may lie unread.
    if (stoodStillMs > lookEveryMs) heardAtMs += stoodStillMs
    heardAtMs = Math.max(heardAtMs, pool.answeredAtMs())
    const silentMs = nowMs - heardAtMs
    if (silentMs > silentMsMax) reject(outcomeUnknown())
    else if (silentMs > askAfterSilentMs && !isAsking) void ask()
  }, lookEveryMs)
  // Whoever loses the race may still fail later; nobody waits for it then.
  work.catch(() => {})
  try {
    return await Promise.race([work, silence])
  } finally {
    clearInterval(looking)
  }
}
