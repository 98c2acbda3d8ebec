/**
 * Turns the address of a client into what may be kept of it: a pseudonym for the day, and a place. Both are computed
 * here, before the click is written anywhere, so that the address itself goes no further.
 *
 * A browser that follows several links, or a network that many share, costs one look-up: answers are kept for the
 * most recent addresses, and only as long as the salt they were made with.
 */
import type { KeyObject } from 'node:crypto'
import { userAgentBytesMax } from '@linkfleet/contracts/clicks'
import { clientNetworkOf } from '@linkfleet/runtime/client-address'
import type { FindPlace, Place } from '../ports.ts'
import { type VisitorSalts, visitorOf } from './visitor-salts.ts'

/** With texts of the greatest length, about 10 MB. */
const addressesMax = 4_096
const agentsMax = 4

export interface ClientIdentity extends Place {
  /** undefined without a salt for the moment. */
  readonly visitor: Uint8Array | undefined
}

export type IdentifyClient = (address: string, userAgent: string, nowMs: number) => ClientIdentity

interface KnownAgent {
  readonly userAgent: string
  readonly identity: ClientIdentity
}

interface KnownAddress {
  readonly place: Place
  readonly agents: KnownAgent[]
  next: number
}

export const unknownPlace: Place = { country: '', region: '', city: '' }
export const unknownClient: ClientIdentity = { ...unknownPlace, visitor: undefined }

export function createIdentifyClient(salts: VisitorSalts, findPlace: FindPlace): IdentifyClient {
  const known = new Map<string, KnownAddress>()
  let saltOfKnown: KeyObject | undefined

  function placeOf(address: string): KnownAddress {
    const found = known.get(address)
    if (found !== undefined) return found
    const oldest = known.keys().next()
    if (known.size >= addressesMax && oldest.done === false) known.delete(oldest.value)
    const fresh = { place: findPlace(address), agents: [], next: 0 }
    known.set(address, fresh)
    return fresh
  }

  return function identifyClient(address, userAgent, nowMs) {
    if (address === '') return unknownClient
    const salt = salts.at(nowMs)
    if (salt !== saltOfKnown) {
      known.clear()
      saltOfKnown = salt
    }
    const entry = placeOf(address)
    for (const agent of entry.agents) {
      if (agent.userAgent === userAgent) return agent.identity
    }
    const text = userAgent.slice(0, userAgentBytesMax)
    const visitor = salt === undefined ? undefined : visitorOf(salt, clientNetworkOf(address), text)
    const identity = { ...entry.place, visitor }
    // A text that is cut would keep the whole of it in memory.
    if (text.length === userAgent.length) {
      entry.agents[entry.next] = { userAgent, identity }
      entry.next = (entry.next + 1) % agentsMax
    }
    return identity
  }
}
