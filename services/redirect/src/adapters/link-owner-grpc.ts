/** What redirect asks of the shortener beside links themselves: clicks of limited links, and what previews show. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { LinksClient } from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { openGrpcClient } from '@linkfleet/runtime/grpc-client'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { ClickLeases, LinkDescriptions, MayMiss } from '../ports.ts'
import type { Guard } from './guard.ts'

export interface LinkOwnerOptions {
  readonly addresses: readonly string[]
  readonly deadlineMs: number
  readonly metrics: Metrics
  /** The deadline and the breaker: a shortener that is away costs few requests their wait. */
  readonly guard: Guard
}

export interface LinkOwner extends Disposable {
  readonly leases: MayMiss<ClickLeases>
  readonly descriptions: MayMiss<LinkDescriptions>
}

export function openLinkOwnerGrpc({ addresses, deadlineMs, metrics, guard }: LinkOwnerOptions): LinkOwner {
  const client = openGrpcClient(LinksClient, { addresses, deadlineMs, metrics })
  const leases: ClickLeases = {
    async take(key, requestId, wanted) {
      const request = { key, requestId, wanted }
      const grant = await client.call((links) => links.takeClicks, request).catch(whenNotFound(undefined))
      if (grant === undefined) return { isLimited: true, granted: 0, left: 0 }
      return { isLimited: grant.limited, granted: grant.granted, left: grant.left }
    },
    async giveBack(returned) {
      await client.call((links) => links.returnClicks, { leases: [...returned] })
      return true
    },
  }
  return {
    leases: {
      take: (...args) => guard(() => leases.take(...args)),
      giveBack: (returned) => guard(() => leases.giveBack(returned)),
    },
    descriptions: {
      describe: (key) =>
        guard(() => client.call((links) => links.describeLink, { key }).catch(whenNotFound(null))),
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

/** That a link is not there is an answer. */
function whenNotFound<T>(instead: T) {
  return (cause: unknown): T => {
    if (cause instanceof LinkfleetError && cause.code === 'not-found') return instead
    throw cause
  }
}
