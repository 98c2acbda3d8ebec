/** `reuseExisting`: which link may be the answer to a create in the place of a new one. */
import { hash } from 'node:crypto'
import { defaultRedirectStatus } from './judge-options.ts'
import { type Link, linkStates, type NewLink } from './link.ts'

/**
 * Creates that may reuse take a lock on their URL. There are fewer locks than URLs, since the server holds them in a
 * table of fixed size; two URLs that share one wait for each other, for as long as a transaction takes.
 */
const locksMax = 1_024

/** The same in every version that runs: of two creates of one URL at once the second must see what the first made. */
export function reuseLockOf(targetUrl: string): number {
  return hash('sha256', targetUrl, 'buffer').readUInt16BE(8) % locksMax
}

type SeenByVisitors = Pick<
  NewLink,
  'targetUrl' | 'redirectStatus' | 'forwardQuery' | 'startsAtMs' | 'expiresAtMs'
>

/** What the index `links_to_reuse` holds of a link, a number of 32 bits: few others have it, and those are compared. */
export function reuseHashOf(link: SeenByVisitors): number {
  const { targetUrl, redirectStatus, forwardQuery, startsAtMs, expiresAtMs } = link
  const isUsual =
    redirectStatus === defaultRedirectStatus && !forwardQuery && startsAtMs === null && expiresAtMs === null
  const options = isUsual ? '' : ` ${redirectStatus} ${forwardQuery} ${startsAtMs ?? ''} ${expiresAtMs ?? ''}`
  return hash('sha256', targetUrl + options, 'buffer').readInt32BE(0)
}

/**
 * Whether a create may be answered with a link of its own kind at all: visitors share the clicks of a limited link, and
 * nobody but the one who set it knows which password a link has.
 */
export function mayReuse({ reuse, maxClicks, password }: NewLink): boolean {
  return reuse !== null && maxClicks === null && password === null
}

/**
 * Whether `existing` does for visitors exactly what the new link would do. Title and tags are its owner's notes: they
 * must be alike only when the create gives them. A caller who may not read links is shown none but their own.
 */
export function isReusable(existing: Link, wanted: NewLink): boolean {
  return (
    mayReuse(wanted) &&
    existing.state === linkStates.live &&
    existing.targetUrl === wanted.targetUrl &&
    (wanted.alias === null || existing.code === wanted.alias) &&
    existing.redirectStatus === wanted.redirectStatus &&
    existing.forwardQuery === wanted.forwardQuery &&
    existing.startsAtMs === wanted.startsAtMs &&
    existing.expiresAtMs === wanted.expiresAtMs &&
    existing.maxClicks === null &&
    !existing.passwordProtected &&
    (wanted.title === null || existing.title === wanted.title) &&
    (wanted.tags.length === 0 || isSameSet(existing.tags, wanted.tags)) &&
    (wanted.reuse === 'any' || existing.createdBy === wanted.createdBy)
  )
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item) => other.includes(item))
}
