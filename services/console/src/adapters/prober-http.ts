/**
 * Follows a known link through the public port, once a second and base. Each attempt is a connection of its own, as a new
 * visitor's is, and has a deadline; the next one waits for nobody, and no more than one for each second is under way.
 */
import { probePath } from '@linkfleet/contracts/probe'
import { boundedFetch } from '@linkfleet/runtime/bounded-fetch'
import type { ProbeOutcome } from '../events.ts'

const everyMs = 1_000
const timeoutMs = 950
const answerBytesMax = 16 * 1024

export type OnProbed = (baseUrl: string, outcome: ProbeOutcome, seconds: number) => void

/** Disposing stops it. `onProbed` must not throw. */
export function startProber(baseUrls: readonly string[], onProbed: OnProbed): Disposable {
  const timer = setInterval(() => {
    for (const baseUrl of baseUrls) void probe(baseUrl, onProbed)
  }, everyMs)
  timer.unref()
  return {
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

async function probe(baseUrl: string, onProbed: OnProbed): Promise<void> {
  const startedMs = performance.now()
  const outcome = await attempt(baseUrl)
  onProbed(baseUrl, outcome, (performance.now() - startedMs) / 1000)
}

async function attempt(baseUrl: string): Promise<ProbeOutcome> {
  const call = { method: 'GET', headers: { connection: 'close' }, timeoutMs, answerBytesMax }
  try {
    const { status } = await boundedFetch(`${baseUrl.replace(/\/+$/, '')}${probePath}`, call)
    return status === 204 ? 'followed' : 'refused'
  } catch (error) {
    return (error as Error).name === 'TimeoutError' ? 'late' : 'unreachable'
  }
}
