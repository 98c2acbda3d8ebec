/**
 * Finds the link of a code: memory, Redis, a replica, the primary, in this order, one flight for each code.
 *
 * A source's answer is followed when it is fresh and not below what is already known of the link (its floor).
 * Everything short of that only competes to be the best that is left when nobody can say. Two answers need more:
 * that a code has no link, and that its link is deleted (its code may have been taken again a moment ago); both
 * are given on the primary's word only, at most a second old.
 */
import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import type {
  KnownCopy,
  LinkAuthority,
  LinkCache,
  LinkKey,
  LinkReplicas,
  MayMiss,
  Reading,
} from '../ports.ts'
import {
  absenceForMs,
  betterCopy,
  type CopyOrder,
  compareOrder,
  freshForMs,
  isFresh,
  isToRefresh,
  laterOrder,
  refreshAfterMs,
  staleForMs,
} from './freshness.ts'
import { type LinkMemory, linkKeyOf, neverFreshEpoch, type RememberedLink } from './link-memory.ts'
import type { VersionFloors } from './version-floors.ts'

export type LinkSource = 'memory' | 'redis' | 'replica' | 'primary'

export type FoundLink =
  | { readonly kind: 'link'; readonly known: KnownCopy; readonly source: LinkSource; readonly stale: boolean }
  /** The primary said no, at most a second ago. */
  | { readonly kind: 'absent' }
  /** Nobody can say. */
  | { readonly kind: 'unknown' }

export interface FindLinkDependencies {
  readonly memory: LinkMemory
  readonly floors: VersionFloors
  readonly cache: MayMiss<LinkCache>
  readonly replicas: MayMiss<LinkReplicas>
  readonly authority: MayMiss<LinkAuthority>
  readonly clock: () => number
  /** Calls back a moment later: links that are to be read anew by then share a call. */
  readonly soon: (refresh: () => void) => void
}

export type FindLink = (domainId: number, code: string) => FoundLink | Promise<FoundLink>

/** A background refresh of one link is tried at most this often, however many ask for it. */
const refreshEveryMs = 1_000
/** So many are read anew at once, without waiting for more. */
const refreshesMax = 64

const absent: FoundLink = { kind: 'absent' }
const unknown: FoundLink = { kind: 'unknown' }

/** Answers at once from memory where it can; otherwise all who ask for one code wait for one flight. */
export function createFindLink(deps: FindLinkDependencies): FindLink {
  const { memory, clock, soon } = deps
  const flights = new Map<string, Promise<FoundLink>>()
  /** Links that are to be read anew. They have no flights yet: a promise that waits for others to come grows old in V8. */
  let due: LinkKey[] = []
  let isGathering = false

  /** `code` is kept for as long as the flight takes, or longer. */
  function fly(domainId: number, code: string, knownSinceMs: number): Promise<FoundLink> {
    const key = linkKeyOf(domainId, code)
    const current = flights.get(key)
    if (current !== undefined) return current
    const flight = load(deps, { domainId, code, key, knownSinceMs }).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }

  function refreshAhead(remembered: RememberedLink, nowMs: number): void {
    if (nowMs - remembered.refreshedAtMs < refreshEveryMs) return
    const { domainId, code } = remembered.copy
    memory.refreshing(linkKeyOf(domainId, code), nowMs)
    due.push({ domainId, code: ownTextOf(code) })
    if (due.length === refreshesMax) refreshDue()
    if (isGathering) return
    isGathering = true
    soon(() => {
      isGathering = false
      refreshDue()
    })
  }

  function refreshDue(): void {
    const links = due
    due = []
    // A copy that is hardly newer would have to be read anew at once, so sources that lag are passed over.
    const knownSinceMs = clock() - refreshAfterMs
    for (const { domainId, code } of links) void fly(domainId, code, knownSinceMs)
  }

  return function findLink(domainId, code) {
    const key = linkKeyOf(domainId, code)
    const nowMs = clock()
    const remembered = memory.get(key)
    if (
      remembered !== undefined &&
      remembered.copy.state !== LinkState.DELETED &&
      memory.isFresh(remembered, nowMs)
    ) {
      if (isToRefresh(remembered.copy.version, remembered.asOfMs, nowMs)) refreshAhead(remembered, nowMs)
      return { kind: 'link', known: remembered, source: 'memory', stale: false }
    }
    const absence = memory.absent(key, nowMs)
    if (absence !== undefined) {
      if (absence.tombstone === undefined) return absent
      return { kind: 'link', known: absence.tombstone, source: 'memory', stale: false }
    }
    return flights.get(key) ?? fly(domainId, ownTextOf(code), nowMs - freshForMs)
  }
}

/**
 * A code that was cut out of a URL is, in V8, a view into that URL and keeps all of it alive. What is kept for
 * longer than a request (keys of memory, of absences and of flights) is made of a copy with characters of its own.
 */
function ownTextOf(code: string): string {
  return Buffer.from(code).toString()
}

interface Load {
  readonly domainId: number
  readonly code: string
  readonly key: string
  /** A copy must be known to be current after this moment. */
  readonly knownSinceMs: number
}

async function load(deps: FindLinkDependencies, wanted: Load): Promise<FoundLink> {
  const { memory, cache, replicas, clock } = deps
  const { domainId, code, key } = wanted
  const epoch = memory.epoch
  let best: KnownCopy | undefined = memory.get(key)

  const cached = await cache.read(domainId, code, best?.copy)
  if (cached !== undefined) {
    if (isAccepted(deps, wanted, cached)) return accept(deps, wanted, cached, 'redis', epoch)
    best = betterCopy(best, cached)
  }

  const reading = await replicas.read(domainId, code, false)
  if (reading?.copy !== undefined) {
    const known = { copy: reading.copy, asOfMs: reading.asOfMs }
    if (isAccepted(deps, wanted, known)) {
      void cache.fill(known)
      return accept(deps, wanted, known, 'replica', epoch)
    }
    best = betterCopy(best, known)
  }

  const askedAtMs = clock()
  const said = await deps.authority.resolve(domainId, code)
  // No call takes that long: the machine slept meanwhile, and what was said before is as old.
  if (clock() - askedAtMs >= freshForMs) return load(deps, { ...wanted, knownSinceMs: clock() - freshForMs })
  // A shortener that has not heard of a promotion still reads the old primary, whose word is none any more.
  if (said !== undefined && (said.timeline ?? memory.newestTimeline) >= memory.newestTimeline) {
    return believe(deps, wanted, said, askedAtMs, epoch)
  }

  if (reading === undefined) {
    const lagging = await replicas.read(domainId, code, true)
    if (lagging?.copy !== undefined) best = betterCopy(best, { copy: lagging.copy, asOfMs: lagging.asOfMs })
  }
  return makeDo(deps, key, best)
}

/** The least a copy must be: what the feed told of, and what memory already has. */
function floorOf(deps: FindLinkDependencies, key: string): CopyOrder | undefined {
  return laterOrder(deps.floors.get(key, deps.clock()), deps.memory.order(key))
}

function isAccepted(deps: FindLinkDependencies, wanted: Load, known: KnownCopy): boolean {
  if (known.copy.state === LinkState.DELETED || known.asOfMs <= wanted.knownSinceMs) return false
  // The sources before this one may have taken their time.
  if (!isFresh(known.asOfMs, deps.clock())) return false
  const floor = floorOf(deps, wanted.key)
  return floor === undefined || compareOrder(known.copy, floor) >= 0
}

function accept(
  deps: FindLinkDependencies,
  wanted: Load,
  known: KnownCopy,
  source: LinkSource,
  epoch: number,
): FoundLink {
  // On a primary whose clock runs ahead `asOf` lies in our future; memory judges it by our clock.
  const ours = { copy: known.copy, asOfMs: Math.min(known.asOfMs, deps.clock()) }
  return { kind: 'link', known: deps.memory.offer(wanted.key, ours, epoch), source, stale: false }
}

/** The primary's word is the truth as of the moment it was asked. */
function believe(
  deps: FindLinkDependencies,
  wanted: Load,
  said: Reading,
  askedAtMs: number,
  epoch: number,
): FoundLink {
  const { memory, floors, cache, clock } = deps
  const { key } = wanted
  // The feed may have told of a change while this was on its way: true as of then, and the next one asks again.
  const floor = floors.get(key, clock())
  const isOvertaken = floor !== undefined && (said.copy === undefined || compareOrder(floor, said.copy) > 0)
  const epochOfSaid = isOvertaken ? neverFreshEpoch : epoch
  if (said.copy !== undefined && said.copy.state !== LinkState.DELETED) {
    const known = { copy: said.copy, asOfMs: said.asOfMs }
    void cache.fill(known)
    return accept(deps, wanted, known, 'primary', epochOfSaid)
  }
  if (clock() - askedAtMs > absenceForMs) return unknown
  const tombstone = said.copy === undefined ? undefined : { copy: said.copy, asOfMs: askedAtMs }
  if (tombstone !== undefined) {
    const kept = memory.offer(key, tombstone, epochOfSaid)
    // The feed told meanwhile that the code was taken again.
    if (compareOrder(kept.copy, tombstone.copy) > 0)
      return { kind: 'link', known: kept, source: 'primary', stale: false }
  }
  if (!isOvertaken) memory.setAbsent(key, askedAtMs, tombstone)
  if (tombstone === undefined) return absent
  return { kind: 'link', known: tombstone, source: 'primary', stale: false }
}

/**
 * Nobody can say what is current: the best copy there is, if it is not too old. Availability wins here, and only
 * here. Memory keeps it for the next time that nobody can say, and never as fresh.
 */
function makeDo(deps: FindLinkDependencies, key: string, best: KnownCopy | undefined): FoundLink {
  if (best === undefined || deps.clock() - best.asOfMs > staleForMs) return unknown
  const held = deps.memory.peek(key)
  // What memory has is not offered to it: it would count as read anew.
  const isHeld = held !== undefined && compareOrder(held.copy, best.copy) >= 0
  const known = isHeld ? (betterCopy(held, best) ?? held) : deps.memory.offer(key, best, neverFreshEpoch)
  return { kind: 'link', known, source: 'memory', stale: true }
}
