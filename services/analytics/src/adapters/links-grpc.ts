/** The shortener over gRPC: which links exist, and whose a key is (kept for 10 s, so that reads survive a restart of it). */
import { createHash } from 'node:crypto'
import { LinksClient } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { LinkKey, Links } from '../ports.ts'

export interface LinksGrpcOptions {
  readonly addresses: readonly string[]
  readonly now: () => number
  readonly metrics: Metrics
}

export interface LinksGrpc extends Links, Disposable {
  isConnected(): boolean
}

const deadlineMs = 1_000
const keptMs = 10_000
const keptMax = 10_000

export function openLinksGrpc(options: LinksGrpcOptions): LinksGrpc {
  const { addresses, metrics } = options
  const client = openGrpcClient(LinksClient, { addresses, deadlineMs, metrics })
  const mayRead = rememberFor(keptMs, options.now, async (credential) => {
    const answer = await client.call((links) => links.checkKey, { credential })
    return answer.valid
  })
  return {
    async isKnown(key: LinkKey) {
      const answer = await client.call((links) => links.resolveLinks, { keys: [key] })
      return answer.links.some((link) => link.domainId === key.domainId && link.code === key.code)
    },
    mayRead,
    isConnected: () => client.isConnected(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

/** Remembers answers by the hash of what was asked, so that memory holds no secret; a failure is not remembered. */
function rememberFor(
  durationMs: number,
  now: () => number,
  ask: (secret: string) => Promise<boolean>,
): (secret: string) => Promise<boolean> {
  const answers = new Map<string, { readonly answer: Promise<boolean>; readonly untilMs: number }>()
  return async (secret) => {
    const key = createHash('sha256').update(secret).digest('base64')
    const known = answers.get(key)
    if (known !== undefined && known.untilMs > now()) return await known.answer
    answers.delete(key)
    const oldest = answers.keys().next()
    if (answers.size >= keptMax && oldest.done === false) answers.delete(oldest.value)
    const answer = ask(secret)
    const entry = { answer, untilMs: now() + durationMs }
    answers.set(key, entry)
    answer.catch(() => {
      if (answers.get(key) === entry) answers.delete(key)
    })
    return await answer
  }
}
