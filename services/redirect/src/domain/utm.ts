/** The UTM parameters of a click: those of the short URL as it was followed, else those of the target URL. */
import { type UtmFields, utmBytesMax } from '@linkfleet/contracts/clicks'

/** Longer queries are looked at only so far: what a client sends costs a bounded time. */
const queryCharactersMax = 2_048
/** A link's target is parsed once, not by each of its clicks. */
const keptMax = 1_000
const keptCharactersMax = 512

const kept = new Map<string, UtmFields | undefined>()

/** `requestUrl` is the path and query as they came. undefined when neither URL names any. */
export function utmOf(requestUrl: string, targetUrl: string): UtmFields | undefined {
  return utmOfUrl(requestUrl) ?? utmOfUrl(targetUrl)
}

function utmOfUrl(url: string): UtmFields | undefined {
  // Most URLs have none, and this is all they cost.
  if (!url.includes('utm_')) return undefined
  const start = url.indexOf('?') + 1
  if (start === 0) return undefined
  const query = url.slice(start, start + queryCharactersMax)
  if (query.length > keptCharactersMax) return parse(query)
  if (kept.has(query)) return kept.get(query)
  const fields = parse(query)
  if (kept.size >= keptMax) kept.clear()
  kept.set(query, fields)
  return fields
}

function parse(query: string): UtmFields | undefined {
  const parameters = new URLSearchParams(query.split('#', 1)[0])
  const given = (name: string) => (parameters.get(`utm_${name}`) ?? '').trim().slice(0, utmBytesMax)
  const fields = {
    source: given('source'),
    medium: given('medium'),
    campaign: given('campaign'),
    term: given('term'),
    content: given('content'),
  }
  return Object.values(fields).some((value) => value !== '') ? fields : undefined
}
