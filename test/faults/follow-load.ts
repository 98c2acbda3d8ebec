/**
 * People who follow links all the while, each on a connection that is kept, and turn to the other redirect only when
 * nobody listens at theirs, as a load balancer's clients do. Each answer is written down.
 */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@linkfleet/testkit/eventually'

export interface Followed {
  /** Requests that were sent to somebody who listened. */
  attempted: number
  /** Those answered 302, their click recorded. */
  acknowledged: number
}

export interface FollowLoad {
  readonly byCode: ReadonlyMap<string, Followed>
  /** What was neither a redirect nor a refused connection. */
  readonly failures: readonly string[]
  readonly refusedConnections: () => number
  /** Waits until so many more requests were answered with a redirect, however slow the machine is. */
  untilFollowed(more: number): Promise<void>
  /** Lets what is under way be answered, and stops. */
  stop(): Promise<void>
}

const followedWithinMs = 60_000

export function startFollowLoad(options: {
  readonly redirectUrls: readonly string[]
  readonly codes: readonly string[]
  readonly people: number
}): FollowLoad {
  const { redirectUrls, codes, people } = options
  const byCode = new Map<string, Followed>(codes.map((code) => [code, { attempted: 0, acknowledged: 0 }]))
  const failures: string[] = []
  let refused = 0
  let redirected = 0
  let stopped = false

  /** False when nobody listened. */
  async function follow(url: string, code: string, agent: Agent): Promise<boolean> {
    const followed = byCode.get(code)!
    followed.attempted += 1
    try {
      const request = get(`${url}/${code}`, { agent, timeout: 10_000 })
      request.once('timeout', () => request.destroy(new Error('no answer within 10 s')))
      const [answer] = (await once(request, 'response')) as [IncomingMessage]
      answer.resume()
      await once(answer, 'end')
      if (answer.statusCode === 302 && answer.headers['click-recorded'] === undefined) {
        followed.acknowledged += 1
        redirected += 1
      } else failures.push(`${answer.statusCode} ${answer.headers['click-recorded'] ?? ''}`)
      return true
    } catch (cause) {
      const { code: reason, message } = cause as { code?: string; message: string }
      if (reason !== 'ECONNREFUSED') {
        failures.push(reason ?? message)
        return true
      }
      followed.attempted -= 1
      refused += 1
      return false
    }
  }

  async function person(number: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let turn = 0, at = number; !stopped; turn++) {
      const code = codes[(number + turn) % codes.length]!
      if (!(await follow(redirectUrls[at % redirectUrls.length]!, code, agent))) {
        at += 1
        await delay(5)
      }
    }
    agent.destroy()
  }

  const working = Array.from({ length: people }, (_, number) => person(number))
  return {
    byCode,
    failures,
    refusedConnections: () => refused,
    async untilFollowed(more) {
      const enough = redirected + more
      await eventually(() => redirected >= enough, { withinMs: followedWithinMs, everyMs: 20 })
    },
    async stop() {
      stopped = true
      await Promise.all(working)
    },
  }
}
