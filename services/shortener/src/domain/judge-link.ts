/** Turns what a client wrote into what is stored, or throws the LinkfleetError that names the offending field. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { refuseAlias } from './judge-alias.ts'
import { judgeUrl, type UrlRules } from './judge-url.ts'
import type { LinkChanges, NewLink } from './link.ts'

export const titleLengthMax = 300
export const tagsMax = 20
export const tagLengthMax = 50

/** A create as it arrives, its types already checked. */
export interface CreateRequest {
  readonly url: string
  readonly alias?: string
  readonly title?: string | null
  readonly tags?: readonly string[]
  readonly expiresAt?: string | null
}

/** An edit as it arrives, its types already checked. null clears a field. */
export type EditRequest = Partial<Omit<CreateRequest, 'alias'>>

export function judgeCreate(
  request: CreateRequest,
  rules: UrlRules,
  createdBy: string,
  nowMs: number,
): NewLink {
  const { alias } = request
  const targetUrl = acceptUrl(request.url, rules)
  if (alias !== undefined) {
    const reason = refuseAlias(alias)
    if (reason !== undefined) throw new LinkfleetError('invalid-alias', reason, { field: 'alias' })
  }
  return {
    alias: alias ?? null,
    targetUrl,
    title: acceptTitle(request.title ?? null),
    tags: acceptTags(request.tags ?? []),
    expiresAtMs: acceptExpiry(request.expiresAt ?? null, nowMs),
    createdBy,
  }
}

export function judgeEdit(request: EditRequest, rules: UrlRules, nowMs: number): LinkChanges {
  return {
    ...(request.url === undefined ? {} : { targetUrl: acceptUrl(request.url, rules) }),
    ...(request.title === undefined ? {} : { title: acceptTitle(request.title) }),
    ...(request.tags === undefined ? {} : { tags: acceptTags(request.tags) }),
    ...(request.expiresAt === undefined ? {} : { expiresAtMs: acceptExpiry(request.expiresAt, nowMs) }),
  }
}

function invalid(field: string, detail: string): LinkfleetError {
  return new LinkfleetError('invalid-request', detail, { field })
}

function acceptUrl(text: string, rules: UrlRules): string {
  const judgement = judgeUrl(text, rules)
  if (judgement.kind === 'refused')
    throw new LinkfleetError('invalid-url', judgement.reason, { field: 'url' })
  return judgement.url
}

// Control characters have no business in a title or tag; NUL cannot even be stored.
const controlCharacters = /\p{Cc}|\p{Cs}/u

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

/** RFC 3339 with a time zone: a moment, not a wall clock somewhere. */
const momentPattern = /^(\d{4})-(\d{2})-(\d{2})[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})$/

/** Milliseconds since the epoch, or NaN. Date.parse alone would read 31 February as 3 March. */
function parseMoment(text: string): number {
  const [, year = '', month = '', day = ''] = momentPattern.exec(text) ?? []
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return year !== '' && midnight.getUTCDate() === Number(day) ? Date.parse(text) : Number.NaN
}

export function acceptExpiry(text: string | null, nowMs: number): number | null {
  if (text === null) return null
  const moment = parseMoment(text)
  if (Number.isNaN(moment)) {
    throw invalid('expiresAt', 'expiresAt must be a moment such as 2030-01-31T12:00:00Z, with its time zone.')
  }
  if (moment <= nowMs) throw invalid('expiresAt', 'expiresAt is in the past.')
  return moment
}
