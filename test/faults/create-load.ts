/**
 * People who create links and do not give up: each takes a new URL and Idempotency-Key, sends it to one shortener after
 * the other until one acknowledges it, and writes down what every answer said.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { call } from '@linkfleet/testkit/fleet-client'

export interface CreateLoad {
  /** Each URL that was acknowledged, and every code that an acknowledgement of it named. */
  readonly acknowledged: ReadonlyMap<string, ReadonlySet<string>>
  /** Attempts beyond the first: unanswered ones and those answered 503. */
  readonly retries: () => number
  /** Answers that nobody may get: neither 201 nor 503. */
  readonly wrongAnswers: readonly string[]
  /** The newest 503. */
  readonly lastRefusal: () => string
  /** Lets what is under way be acknowledged, and stops. */
  stop(): Promise<void>
}

const pauseMs = 20

export function startCreateLoad(options: {
  readonly shortenerUrls: readonly string[]
  readonly people: number
}): CreateLoad {
  const { shortenerUrls, people } = options
  const acknowledged = new Map<string, Set<string>>()
  const wrongAnswers: string[] = []
  let retries = 0
  let lastRefusal = 'none'
  let stopped = false
  let sequence = 0

  /** True when it was acknowledged. */
  async function send(shortener: string, url: string, key: string): Promise<boolean> {
    try {
      const answer = await call('POST', `${shortener}/api/v1/links`, { url }, { 'idempotency-key': key })
      const body = (await answer.json()) as { code: string }
      if (answer.status === 201) {
        const codes = acknowledged.get(url) ?? new Set()
        acknowledged.set(url, codes.add(body.code))
        return true
      }
      if (answer.status === 503) lastRefusal = JSON.stringify(body)
      else wrongAnswers.push(`${answer.status} ${JSON.stringify(body)}`)
    } catch {
      // Nobody listens, or the process died with the answer: whether a link was made is for the key to settle.
    }
    return false
  }

  async function person(number: number): Promise<void> {
    while (!stopped) {
      const mine = sequence++
      const url = `https://example.com/kept/${mine}`
      for (let attempt = number; ; attempt++) {
        const shortener = shortenerUrls[attempt % shortenerUrls.length] ?? ''
        if (await send(shortener, url, `key-${mine}`)) break
        retries += 1
        await delay(pauseMs)
      }
      // Some repeat what was acknowledged, as a client does whose own answer got lost.
      if (mine % 10 === 0)
        await send(shortenerUrls[(number + 1) % shortenerUrls.length] ?? '', url, `key-${mine}`)
    }
  }

  const working = Array.from({ length: people }, (_, number) => person(number))
  return {
    acknowledged,
    retries: () => retries,
    wrongAnswers,
    lastRefusal: () => lastRefusal,
    async stop() {
      stopped = true
      await Promise.all(working)
    },
  }
}
