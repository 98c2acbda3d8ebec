import { LinksClient } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type { Metrics } from '@linkfleet/runtime/metrics'
import { linkKeyOf } from '../domain/link-memory.ts'
import type { LinkKey, Reading } from '../ports.ts'

export interface LinkAuthorityOptions {
  readonly addresses: readonly string[]
  readonly deadlineMs: number
  readonly clock: () => number
  readonly metrics: Metrics
  /** Told how far the primary's clock is ahead of ours, measured at the middle of a call. */
  readonly skewMeasured: (skewMs: number) => void
}

export interface LinkAuthorityGrpc {
  /** One answer for each key, in order, by one call. Rejects within its deadline when it cannot be had. */
  resolveAll(keys: readonly LinkKey[]): Promise<Reading[]>
  isConnected(): boolean
}

/** The shortener, which reads the primary. */
export function openLinkAuthorityGrpc(options: LinkAuthorityOptions): LinkAuthorityGrpc & Disposable {
  const client = openGrpcClient(LinksClient, {
    addresses: options.addresses,
    deadlineMs: options.deadlineMs,
    metrics: options.metrics,
  })

  async function resolveAll(keys: readonly LinkKey[]): Promise<Reading[]> {
    const sentAtMs = options.clock()
    const response = await client.call((links) => links.resolveLinks, { keys: [...keys] })
    options.skewMeasured(response.asOfMs - (sentAtMs + options.clock()) / 2)
    const copies = new Map(response.links.map((copy) => [linkKeyOf(copy.domainId, copy.code), copy]))
    return keys.map(({ domainId, code }) => {
      const copy = copies.get(linkKeyOf(domainId, code))
      // A copy is ordered by the timeline it was seen on: what a promotion lost must not outrank it.
      const seen = copy && { ...copy, timeline: Math.max(copy.timeline, response.timeline) }
      return { copy: seen, asOfMs: response.asOfMs, timeline: response.timeline }
    })
  }

  return {
    resolveAll,
    isConnected: () => client.isConnected(),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}
