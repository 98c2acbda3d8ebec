/** What a click tells of its visitor beyond the link, reduced to words that are safe to store and few enough to count. */
import { type Click, placeBytesMax, utmBytesMax } from '@linkfleet/contracts/clicks'

/** Numbers are what the database holds: never reuse one. */
export const traitIds = {
  country: 1,
  referrer: 2,
  browser: 3,
  operatingSystem: 4,
  device: 5,
  language: 6,
  region: 7,
  city: 8,
  utmSource: 9,
  utmMedium: 10,
  utmCampaign: 11,
  utmTerm: 12,
  utmContent: 13,
} as const

/** Distinct values of one trait of one link in one day (UTC) that have numbers of their own. */
export const traitValuesADayMax = 1_000
/** Of all names of one link in one day together, each character taken for three bytes. */
export const traitBytesADayMax = 256 * 1024

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

export const traitCount = Object.keys(traitIds).length

/** A trait and its value as one text; values have no control characters. */
export function packedName(trait: number, value: string): string {
  return String.fromCharCode(64 + trait) + value
}

/** Tells the traits that are known, each at most once. */
export function traitsOf(click: Click, agent: UserAgent, tell: (trait: number, value: string) => void): void {
  const add = (trait: Trait, value: string) => {
    if (value !== '') tell(traitIds[trait], value)
  }
  const country = countryOf(click.country)
  add('country', country)
  if (click.referrerHost !== '') add('referrer', hostOf(click.referrerHost))
  add('browser', agent.browser)
  add('operatingSystem', agent.operatingSystem)
  add('device', agent.device)
  if (click.language !== '') add('language', languageOf(click.language))
  if (click.region !== '') add('region', inCountry(click.region, country))
  if (click.city !== '') add('city', inCountry(click.city, country))
  if (click.utmSource !== '') add('utmSource', wordOf(click.utmSource, utmBytesMax))
  if (click.utmMedium !== '') add('utmMedium', wordOf(click.utmMedium, utmBytesMax))
  if (click.utmCampaign !== '') add('utmCampaign', wordOf(click.utmCampaign, utmBytesMax))
  if (click.utmTerm !== '') add('utmTerm', wordOf(click.utmTerm, utmBytesMax))
  if (click.utmContent !== '') add('utmContent', wordOf(click.utmContent, utmBytesMax))
}

/** What a device may be, by the list that user agents are read with. */
export const devices: readonly string[] = ['bot', 'desktop', 'mobile', 'tablet', 'tv']

/** ISO 3166-1 alpha-2, or nothing. */
export function countryOf(text: string): string {
  return /^[A-Z]{2}$/.test(text) ? text : ''
}

/** The primary language subtag of a BCP 47 tag: regions and scripts would make every browser its own row. */
function languageOf(text: string): string {
  return /^([a-z]{2,3})(?:[-_]|$)/i.exec(text)?.[1]?.toLowerCase() ?? ''
}

/** Many countries have a Victoria and a Springfield. */
function inCountry(name: string, country: string): string {
  const word = wordOf(name, placeBytesMax)
  return word === '' || country === '' ? word : `${word}, ${country}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controlPattern = /[\u0000-\u001f\u007f-\u009f]/

/**
 * Any text that Postgres and a terminal can show; anything else is nothing. Cut where redirect would have cut it: one
 * long word of a client is no reason to set the clicks of a whole message aside.
 */
function wordOf(text: string, bytesMax: number): string {
  const word = cutTo(text, bytesMax)
  return word.isWellFormed() && !controlPattern.test(word) ? word.trim() : ''
}

const encoder = new TextEncoder()

/** Whole characters, of at most so many bytes of UTF-8. */
function cutTo(text: string, bytesMax: number): string {
  // None of its UTF-16 units takes more than three bytes.
  if (text.length * 3 <= bytesMax) return text
  return text.slice(0, encoder.encodeInto(text, new Uint8Array(bytesMax)).read)
}

/** The longest value of any trait: UTM values and places are cut to less, and so are names of user agents. */
export const hostCharactersMax = 253

/** A DNS name as a browser sends it (already lower-case ASCII), or nothing: the header is the client's to forge. */
export function hostOf(text: string): string {
  const host = text.toLowerCase()
  return host.length <= hostCharactersMax && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::\d{1,5})?$/.test(host)
    ? host
    : ''
}
