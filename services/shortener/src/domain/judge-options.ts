/** The options of a link that decide how it is followed. Each judge returns what is stored, or throws. */
import { passwordLengthMax } from '@linkfleet/contracts/link-password'
import { controlCharacters, invalid } from './judge-field.ts'
import type { FollowOptions } from './link.ts'

export const redirectStatuses = [301, 302, 307, 308] as const
export const defaultRedirectStatus = 302
export const maxClicksMax = 1_000_000_000
export { passwordLengthMax }

/** The options as they arrive, their types already checked. null means none. */
export interface OptionsRequest {
  readonly redirectStatus?: number
  readonly forwardQuery?: boolean
  readonly startsAt?: string | null
  readonly expiresAt?: string | null
  readonly maxClicks?: number | null
  readonly password?: string | null
}

/** RFC 3339 with a time zone: a moment, not a wall clock somewhere. */
const momentPattern = /^(\d{4})-(\d{2})-(\d{2})[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})$/

/** Milliseconds since the epoch, or NaN. Date.parse alone would read 31 February as 3 March. */
function parseMoment(text: string): number {
  const [, year = '', month = '', day = ''] = momentPattern.exec(text) ?? []
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  return year !== '' && midnight.getUTCDate() === Number(day) ? Date.parse(text) : Number.NaN
}

function acceptMoment(field: string, text: string): number {
  const moment = parseMoment(text)
  if (Number.isNaN(moment)) {
    throw invalid(field, `${field} must be a moment such as 2030-01-31T12:00:00Z, with its time zone.`)
  }
  if (moment > latestMomentMs) throw invalid(field, `${field} must be before the year 10000 in UTC.`)
  return moment
}

/** What an answer can tell: RFC 3339 has years of four digits. */
const latestMomentMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export function acceptExpiry(text: string | null, nowMs: number): number | null {
  if (text === null) return null
  const moment = acceptMoment('expiresAt', text)
  if (moment <= nowMs) throw invalid('expiresAt', 'expiresAt is in the past.')
  return moment
}

/** A start in the past is no start at all, but harmless; one before 1970 cannot be told to redirect. */
export function acceptStart(text: string | null): number | null {
  if (text === null) return null
  const moment = acceptMoment('startsAt', text)
  if (moment <= 0) throw invalid('startsAt', 'startsAt must be after 1970-01-01T00:00:00Z.')
  return moment
}

/** A link that expires before it starts could never be followed. `field` is the end that the request names. */
export function refuseEmptySpan(
  { startsAtMs, expiresAtMs }: Pick<FollowOptions, 'startsAtMs' | 'expiresAtMs'>,
  field: 'startsAt' | 'expiresAt',
): void {
  if (startsAtMs !== null && expiresAtMs !== null && startsAtMs >= expiresAtMs) {
    throw invalid(field, 'startsAt must be before expiresAt.')
  }
}

export function acceptMaxClicks(clicks: number | null): number | null {
  if (clicks !== null && (clicks < 1 || clicks > maxClicksMax)) {
    throw invalid('maxClicks', `maxClicks must be 1 to ${maxClicksMax}.`)
  }
  return clicks
}

export function acceptPassword(password: string | null): string | null {
  if (password === null) return null
  if (password.length < 1 || password.length > passwordLengthMax || controlCharacters.test(password)) {
    throw invalid(
      'password',
      `A password has 1 to ${passwordLengthMax} characters, none of them a control character.`,
    )
  }
  return password
}
