/**
 * Slows down whoever tries out codes: a client that keeps asking for links that are not there is answered 429 until its
 * minute is over, and then no longer learns which codes are. All instances count together. Who follows links that
 * exist misses nothing and is never slowed. Nor are programs of this very machine: what comes from there is a test, a
 * load, or a proxy that TRUSTED_PROXIES does not name, behind which are all clients.
 */
import { isLoopbackAddress } from '@linkfleet/runtime/anonymous-loopback'
import { type ClientAddress, clientNetworkOf } from '@linkfleet/runtime/client-address'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { SlowedClients } from '../domain/slowed-clients.ts'
import type { AttemptLimit } from '../ports.ts'
import { answerWithoutLink } from './answer-without-link.ts'
import { clientOf } from './client-of.ts'

export interface MissGate {
  /** True when the request was answered 429. Costs next to nothing while nobody is slowed. */
  refuses(request: FastifyRequest, reply: FastifyReply): boolean
  /** The client asked for a link that is not there. The answer does not wait for the count. */
  missed(request: FastifyRequest): void
  /** Forgets whose time is over. */
  sweep(): void
}

export interface MissGateOptions {
  /** undefined: nobody is slowed. */
  readonly limit: AttemptLimit | undefined
  readonly clientAddress: ClientAddress
  readonly clock: () => number
  readonly refused: () => void
}

const slowedMax = 100_000

export function createMissGate({ limit, clientAddress, clock, refused }: MissGateOptions): MissGate {
  const slowed = new SlowedClients(slowedMax)
  const networkOf = (request: FastifyRequest) => clientNetworkOf(clientOf(request, clientAddress))
  return {
    refuses(request, reply) {
      if (slowed.size === 0) return false
      const waitMs = slowed.waitMsOf(networkOf(request), clock())
      if (waitMs === 0) return false
      refused()
      answerWithoutLink(request, reply, 'too-many-misses', Math.ceil(waitMs / 1_000))
      return true
    },
    missed(request) {
      if (limit === undefined) return
      const client = clientOf(request, clientAddress)
      if (client === '' || isLoopbackAddress(client)) return
      const network = clientNetworkOf(client)
      void limit.attempt(network).then((waitMs) => {
        if (waitMs > 0) slowed.slow(network, clock() + waitMs)
      })
    },
    sweep: () => slowed.sweep(clock()),
  }
}
