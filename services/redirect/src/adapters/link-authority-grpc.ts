import { LinksClient } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import { linkKeyOf } from '../domain/link-memory.ts'
import type { LinkAuthority, Reading } from '../ports.ts'
import { createBatch } from './batch.ts'

export interface LinkAuthorityOptions {
  readonly addresses: readonly string[]
  readonly deadlineMs: number
  readonly clock: () => number
  /** Told how far the primary's clock is ahead of ours, measured at the middle of a call. */
  readonly skewMeasured: (skewMs: number) => void
}

interface Key {
  readonly domainId: number
  readonly code: string
}

const keysMax = 500
/** Misses that come this close to each other travel as one call. */
const lingerMs = 2

/** The shortener, which reads the primary. */
export function openLinkAuthorityGrpc(
  options: LinkAuthorityOptions,
): LinkAuthority & Disposable & { isConnected(): boolean } {
  const client = openGrpcClient(LinksClient, {
    addresses: options.addresses,
    deadlineMs: options.deadlineMs,
  })

  async function run(keys: readonly Key[]): Promise<Reading[]> {
    const sentAtMs = options.clock()
    const response = await client.call((links) => links.resolveLinks, { keys: [...keys] })
    options.skewMeasured(response.asOfMs - (sentAtMs + options.clock()) / 2)
    const copies = new Map(response.links.map((copy) => [linkKeyOf(copy.domainId, copy.code), copy]))
    return keys.map(({ domainId, code }) => {
      const copy = copies.get(linkKeyOf(domainId, code))
      // A copy is ordered by the timeline it was seen on: what a promotion lost must not outrank it.
      const seen = copy && { ...copy, timeline: Math.max(copy.timeline, response.timeline) }
      return { copy: seen, asOfMs: response.asOfMs }
    })
  }

  const ask = createBatch({ itemsMax: keysMax, lingerMs, run })
  return {
    resolve: (domainId, code) => ask({ domainId, code }),
    isConnected: () => client.isConnected(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}
