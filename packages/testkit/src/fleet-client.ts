/** What a person with curl does, for tests of a running fleet. */
import { eventually } from './eventually.ts'
import type { Fleet } from './fleet.ts'

export interface CreatedLink {
  readonly code: string
  readonly shortUrl: string
  readonly url: string
  readonly version: number
}

export interface Stats {
  readonly code: string
  readonly total: number
  readonly humans: number
  readonly bots: number
  readonly orphans: number
  readonly series: readonly { readonly start: string; readonly clicks: number }[]
  readonly asOf: string
}

const browserAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

/** One HTTP call with a deadline of 10 s, redirects not followed. */
export async function call(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  return await fetch(url, {
    method,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
    headers: {
      'user-agent': browserAgent,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

export async function createLink(
  fleet: Fleet,
  fields: { readonly url: string; readonly [field: string]: unknown },
) {
  const response = await call('POST', `${fleet.shortenerUrl}/api/v1/links`, fields)
  if (response.status !== 201)
    throw new Error(`Create was answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as CreatedLink
}

/** Where a short code leads: status and Location. */
export async function follow(fleet: Fleet, code: string, headers: Record<string, string> = {}) {
  const response = await call('GET', `${fleet.redirectUrl}/${code}`, undefined, headers)
  await response.arrayBuffer()
  return { status: response.status, location: response.headers.get('location'), headers: response.headers }
}

export async function readStats(fleet: Fleet, code: string): Promise<Stats> {
  const response = await call('GET', `${fleet.analyticsUrl}/api/v1/links/${code}/stats`)
  if (response.status !== 200)
    throw new Error(`Stats were answered ${response.status}: ${await response.text()}`)
  return (await response.json()) as Stats
}

/** Waits until a link's total is `total`. One that is over it is a click counted twice: it fails at once. */
export async function untilCounted(
  fleet: Fleet,
  code: string,
  total: number,
  withinMs = 40_000,
): Promise<Stats> {
  const stats = await eventually(
    async () => {
      const read = await readStats(fleet, code)
      if (read.total < total) throw new Error(`${code} has ${read.total} clicks, not ${total}`)
      return read
    },
    { withinMs, everyMs: 100 },
  )
  if (stats.total > total)
    throw new Error(`${code} has ${stats.total} clicks, more than the ${total} it was followed`)
  return stats
}

/** Waits until this holds of the statistics of a link: a visit is in them some time after its answer. */
export async function untilStats(
  fleet: Fleet,
  code: string,
  holds: (stats: Stats) => boolean,
  withinMs = 40_000,
): Promise<Stats> {
  return await eventually(
    async () => {
      const stats = await readStats(fleet, code)
      return holds(stats) ? stats : false
    },
    { withinMs, everyMs: 100 },
  )
}
