/**
 * The salts under which visitors become pseudonyms. A salt is random, belongs to one UTC day, and is forgotten with
 * it; without the salt of the moment a visitor is not known, since nothing else may stand in for it.
 */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { visitorBytes } from '@linkfleet/contracts/clicks'

const dayMs = 86_400_000

export interface DaySalt {
  readonly dayStartMs: number
  readonly salt: Uint8Array
}

export class VisitorSalts {
  #keys: { readonly dayStartMs: number; readonly key: KeyObject }[] = []

  /** Takes over what the keeper of the salts says now, its word on a day being the last one. */
  keep(salts: readonly DaySalt[], nowMs: number): void {
    this.#keys = salts.map(({ dayStartMs, salt }) => ({ dayStartMs, key: createSecretKey(salt) }))
    this.forgetPast(nowMs)
  }

  forgetPast(nowMs: number): void {
    this.#keys = this.#keys.filter(({ dayStartMs }) => dayStartMs + dayMs > nowMs)
  }

  /** The same object as long as the same salt is in force. */
  at(nowMs: number): KeyObject | undefined {
    for (const { dayStartMs, key } of this.#keys) {
      if (dayStartMs <= nowMs && nowMs < dayStartMs + dayMs) return key
    }
    return undefined
  }
}

/** `network` is the client's address as limits count it: one IPv6 host has a whole /64 of addresses. */
export function visitorOf(salt: KeyObject, network: string, userAgent: string): Uint8Array {
  return createHmac('sha256', salt).update(`${network}\0${userAgent}`).digest().subarray(0, visitorBytes)
}
