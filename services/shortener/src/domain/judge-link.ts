/** Turns what a client wrote into what is stored, or throws the LinkfleetError that names the offending field. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { refuseAlias } from './judge-alias.ts'
import { controlCharacters, invalid } from './judge-field.ts'
import {
  acceptExpiry,
  acceptMaxClicks,
  acceptPassword,
  acceptStart,
  defaultRedirectStatus,
  type OptionsRequest,
  refuseEmptySpan,
} from './judge-options.ts'
import { judgeUrl, type UrlRules } from './judge-url.ts'
import type { LinkChanges, NewLink } from './link.ts'

export const titleLengthMax = 300
export const tagsMax = 20
export const tagLengthMax = 50

/** Who asks, and whether they may be shown the links of others. */
export interface Author {
  readonly subject: string
  readonly mayRead: boolean
}

/** A create as it arrives, its types already checked. */
export interface CreateRequest extends OptionsRequest {
  readonly url: string
  readonly alias?: string
  readonly reuseExisting?: boolean
  readonly title?: string | null
  readonly tags?: readonly string[]
}

/** An edit as it arrives, its types already checked. null clears a field. */
export type EditRequest = Partial<Omit<CreateRequest, 'alias' | 'reuseExisting'>>

export function judgeCreate(request: CreateRequest, rules: UrlRules, author: Author, nowMs: number): NewLink {
  const { alias } = request
  const targetUrl = acceptUrl(request.url, rules)
  const startsAtMs = acceptStart(request.startsAt ?? null)
  const expiresAtMs = acceptExpiry(request.expiresAt ?? null, nowMs)
  refuseEmptySpan({ startsAtMs, expiresAtMs }, 'startsAt')
  if (alias !== undefined) {
    const reason = refuseAlias(alias)
    if (reason !== undefined) throw new LinkfleetError('invalid-alias', reason, { field: 'alias' })
  }
  return {
    alias: alias ?? null,
    targetUrl,
    title: acceptTitle(request.title ?? null),
    tags: acceptTags(request.tags ?? []),
    redirectStatus: request.redirectStatus ?? defaultRedirectStatus,
    forwardQuery: request.forwardQuery ?? false,
    startsAtMs,
    expiresAtMs,
    maxClicks: acceptMaxClicks(request.maxClicks ?? null),
    password: acceptPassword(request.password ?? null),
    reuse: request.reuseExisting === true ? (author.mayRead ? 'any' : 'own') : null,
    createdBy: author.subject,
  }
}

/** Whether the span from start to expiry is left empty is judged where the other end is known: `refuseEmptySpan`. */
export function judgeEdit(request: EditRequest, rules: UrlRules, nowMs: number): LinkChanges {
  const { url, title, tags, redirectStatus, forwardQuery, startsAt, expiresAt, maxClicks, password } = request
  return {
    ...(url === undefined ? {} : { targetUrl: acceptUrl(url, rules) }),
    ...(title === undefined ? {} : { title: acceptTitle(title) }),
    ...(tags === undefined ? {} : { tags: acceptTags(tags) }),
    ...(redirectStatus === undefined ? {} : { redirectStatus }),
    ...(forwardQuery === undefined ? {} : { forwardQuery }),
    ...(startsAt === undefined ? {} : { startsAtMs: acceptStart(startsAt) }),
    ...(expiresAt === undefined ? {} : { expiresAtMs: acceptExpiry(expiresAt, nowMs) }),
    ...(maxClicks === undefined ? {} : { maxClicks: acceptMaxClicks(maxClicks) }),
    ...(password === undefined ? {} : { password: acceptPassword(password) }),
  }
}

function acceptUrl(text: string, rules: UrlRules): string {
  const judgement = judgeUrl(text, rules)
  if (judgement.kind === 'refused')
    throw new LinkfleetError('invalid-url', judgement.reason, { field: 'url' })
  return judgement.url
}

/** For texts that are only compared with stored ones. */
export function refuseControlCharacters(field: string, text: string | undefined): void {
  if (text !== undefined && controlCharacters.test(text))
    throw invalid(field, `${field} must not hold control characters.`)
}

function acceptTitle(title: string | null): string | null {
  if (title === null || title === '') return null
  if (title.length > titleLengthMax)
    throw invalid('title', `A title has at most ${titleLengthMax} characters.`)
  if (controlCharacters.test(title)) throw invalid('title', 'A title must not hold control characters.')
  return title
}

/** Tags are a set: trimmed, each once, in the order in which they were given. */
function acceptTags(tags: readonly string[]): readonly string[] {
  if (tags.length > tagsMax) throw invalid('tags', `A link has at most ${tagsMax} tags.`)
  const accepted = tags.map((tag, index) => {
    const trimmed = tag.trim()
    if (trimmed === '' || trimmed.length > tagLengthMax || controlCharacters.test(trimmed)) {
      throw invalid(
        `tags.${index}`,
        `A tag has 1 to ${tagLengthMax} characters, none of them a control character.`,
      )
    }
    return trimmed
  })
  return [...new Set(accepted)]
}
