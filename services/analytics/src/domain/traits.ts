/** What a click tells of its visitor beyond the link, reduced to words that are safe to store and few enough to count. */
import type { Click } from '@linkfleet/contracts/clicks'

/** Numbers are what the database holds: never reuse one. */
export const traitIds = {
  country: 1,
  referrer: 2,
  browser: 3,
  operatingSystem: 4,
  device: 5,
  language: 6,
} as const

export type Trait = keyof typeof traitIds

export interface UserAgent {
  readonly isBot: boolean
  /** Empty when not known, as are the others. */
  readonly browser: string
  readonly operatingSystem: string
  readonly device: string
}

/** Pure: the same text always gives the same answer. */
export type ClassifyUserAgent = (userAgent: string) => UserAgent

/** The traits that are known, each at most once. */
export function traitsOf(click: Click, agent: UserAgent): [Trait, string][] {
  const all: [Trait, string][] = [
    ['country', countryOf(click.country)],
    ['referrer', hostOf(click.referrerHost)],
    ['browser', agent.browser],
    ['operatingSystem', agent.operatingSystem],
    ['device', agent.device],
    ['language', languageOf(click.language)],
  ]
  return all.filter(([, value]) => value !== '')
}

/** ISO 3166-1 alpha-2, or nothing. */
function countryOf(text: string): string {
  return /^[A-Z]{2}$/.test(text) ? text : ''
}

/** The primary language subtag of a BCP 47 tag: regions and scripts would make every browser its own row. */
function languageOf(text: string): string {
  return /^([a-z]{2,3})(?:[-_]|$)/i.exec(text)?.[1]?.toLowerCase() ?? ''
}

/** A DNS name as a browser sends it (already lower-case ASCII), or nothing: the header is the client's to forge. */
function hostOf(text: string): string {
  const host = text.toLowerCase()
  return host.length <= 253 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::\d{1,5})?$/.test(host) ? host : ''
}
