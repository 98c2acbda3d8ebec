/** Every call that the pages make. Failures are one class that knows the offending field. */
import type { FleetView, LoginView, ReportView, SloRange, SloView } from '../../src/domain/views.ts'

export type { FleetView, LoginView, ReportView, SloRange, SloView }

export interface Link {
  readonly code: string
  readonly domain?: string
  readonly shortUrl: string
  readonly url: string
  readonly title?: string | null
  readonly tags?: readonly string[]
  readonly startsAt?: string | null
  readonly expiresAt?: string | null
  readonly maxClicks?: number | null
  readonly hasPassword?: boolean
  readonly redirectStatus?: number
  readonly forwardQuery?: boolean
  readonly createdAt: string
  readonly updatedAt: string
  readonly version: number | string
  readonly clicks?: number | null
}

export interface LinkPage {
  readonly links: readonly Link[]
  readonly nextCursor: string | null
}

/** What a create and an edit may say; null takes away what a link has. */
export interface LinkOptions {
  readonly title?: string | null
  readonly tags?: readonly string[]
  readonly startsAt?: string | null
  readonly expiresAt?: string | null
  readonly maxClicks?: number | string | null
  readonly password?: string | null
  readonly redirectStatus?: number
  readonly forwardQuery?: boolean
}

export interface NewLink extends LinkOptions {
  readonly url: string
  readonly alias?: string
}

export interface LinkChanges extends LinkOptions {
  readonly url?: string
}

export type Interval = 'minute' | 'hour' | 'day'

export interface Named {
  /** null stands for all clicks of which it is not known. */
  readonly name: string | null
  readonly clicks: number
}

export interface Stats {
  readonly code: string
  /** Of all time, as are people, bots and orphans. */
  readonly total: number
  readonly humans: number
  readonly bots: number
  readonly orphans: number
  readonly orphansByReason: Readonly<Record<string, number>>
  readonly interval: Interval
  /** Where the days of the series are. */
  readonly timezone: string
  readonly from: string
  readonly to: string
  /** The sum of the series. */
  readonly clicks: number
  readonly series: readonly {
    readonly start: string
    readonly clicks: number
    readonly humans: number
    readonly bots: number
  }[]
  /** The whole days that the lists and the visitors are of. */
  readonly days: { readonly from: string; readonly to: string; readonly clicks: number }
  readonly uniqueVisitors: number
  readonly countries: readonly Named[]
  readonly regions: readonly Named[]
  readonly cities: readonly Named[]
  readonly referrers: readonly Named[]
  readonly browsers: readonly Named[]
  readonly operatingSystems: readonly Named[]
  readonly devices: readonly Named[]
  readonly languages: readonly Named[]
  readonly utmSources: readonly Named[]
  readonly utmMediums: readonly Named[]
  readonly utmCampaigns: readonly Named[]
  readonly utmTerms: readonly Named[]
  readonly utmContents: readonly Named[]
  readonly recentClicks: readonly RecentClick[]
  readonly asOf: string | null
}

export interface RecentClick {
  readonly at: string
  readonly bot: boolean
  readonly country: string | null
  readonly browser: string | null
  readonly operatingSystem: string | null
  readonly device: string | null
  readonly referrer: string | null
}

/** What went wrong, in words for people. `status` 0: the console itself was not reached. */
export class ApiFailure extends Error {
  readonly status: number
  readonly code: string
  readonly field: string | null

  constructor(status: number, code: string, message: string, field: string | null) {
    super(message)
    this.status = status
    this.code = code
    this.field = field
  }
}

const deadlineMs = 20_000

async function call<T>(
  method: string,
  path: string,
  options: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(deadlineMs),
      headers: {
        accept: 'application/json',
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    })
  } catch {
    throw new ApiFailure(0, 'unreachable', 'The console cannot be reached. Is the fleet running?', null)
  }
  const text = await response.text().catch(() => '')
  if (!response.ok) throw failureOf(response.status, text)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

function failureOf(status: number, text: string): ApiFailure {
  try {
    const problem = JSON.parse(text) as { code?: string; title?: string; detail?: string; field?: string }
    const message = problem.detail ?? problem.title ?? `The answer was status ${status}.`
    return new ApiFailure(status, problem.code ?? 'unknown', message, problem.field ?? null)
  } catch {
    return new ApiFailure(status, 'unknown', `The answer was status ${status}.`, null)
  }
}

function search(parameters: Record<string, string | undefined>): string {
  const entries = Object.entries(parameters).filter((entry): entry is [string, string] => !!entry[1])
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`
}

/** Random, also where the page is not a secure context and crypto.randomUUID is missing. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

const linkPath = (code: string) => `/api/v1/links/${encodeURIComponent(code)}`

export const api = {
  session: () => call<LoginView>('GET', '/api/console/session'),
  logOut: () => call<void>('DELETE', '/api/console/session'),
  createLink: (link: NewLink, idempotencyKey: string) =>
    call<Link>('POST', '/api/v1/links', { body: link, headers: { 'idempotency-key': idempotencyKey } }),
  listLinks: (query: { cursor?: string; limit?: string; tag?: string; search?: string }) =>
    call<LinkPage>('GET', `/api/v1/links${search(query)}`),
  readLink: (code: string) => call<Link>('GET', linkPath(code)),
  changeLink: (code: string, changes: LinkChanges, version: number | string) =>
    call<Link>('PATCH', linkPath(code), { body: changes, headers: { 'if-match': `"${version}"` } }),
  deleteLink: (code: string) => call<void>('DELETE', linkPath(code)),
  readStats: (code: string, query: { from: string; to: string; interval: Interval; timezone: string }) =>
    call<Stats>('GET', `${linkPath(code)}/stats${search(query)}`),
  livePath: (code: string) => `${linkPath(code)}/stats/live`,
  /** The file has the intervals of what is shown: its bounds and its days. */
  exportPath: (
    { code, from, to, interval, timezone }: Pick<Stats, 'code' | 'from' | 'to' | 'interval' | 'timezone'>,
    format: 'csv' | 'ndjson',
  ) => `${linkPath(code)}/stats/export${search({ format, from, to, interval, timezone })}`,
  readSlo: (range: SloRange) => call<SloView>('GET', `/api/console/slo?range=${range}`),
  readReport: (day: string) =>
    call<ReportView>('GET', `/api/console/slo/report?day=${encodeURIComponent(day)}`),
  readFleet: () => call<FleetView>('GET', '/api/console/fleet'),
}
