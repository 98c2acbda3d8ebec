/** Statistics as the API tells them: what OpenAPI shows. */
import { Type } from 'typebox'
import { traitValuesADayMax } from '../domain/traits.ts'

const moment = (description: string) =>
  Type.String({ description, format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] })
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
const count = (description?: string) => Type.Integer(description === undefined ? {} : { description })
const optionalText = nullable(Type.String())

const shares = (what: string) =>
  Type.Array(Type.Object({ name: optionalText, clicks: count() }), {
    description: `Clicks of \`days\` by ${what}, most first; name null is the rest: not known, or not among the first. They add up to days.clicks.`,
  })

const totals = {
  total: count('All clicks of all time.'),
  humans: count('Of all time.'),
  bots: count('Of all time.'),
}

const orphans = (when: string) => ({
  orphans: count(`Requests ${when} that found nothing to follow; not part of any other number.`),
  orphansByReason: Type.Record(Type.String(), Type.Integer(), { description: 'They add up to orphans.' }),
})

const series = {
  interval: Type.String({ enum: ['minute', 'hour', 'day'] }),
  timezone: Type.String({ description: 'Where the days of the series are.' }),
  from: moment('Where the first interval begins.'),
  to: moment('Where the last interval ends.'),
  clicks: count('The sum of the series.'),
  series: Type.Array(
    Type.Object({
      start: moment('Where the interval begins.'),
      clicks: count(),
      humans: count(),
      bots: count(),
    }),
  ),
}

const asOf = nullable(
  moment('Everything that had reached Kafka by then is counted; null until all of Kafka was looked at once.'),
)

export const LinkStatsJson = Type.Object(
  {
    code: Type.String(),
    ...totals,
    ...orphans('of all time'),
    firstClickAt: nullable(moment('Of all time.')),
    lastClickAt: nullable(moment('Of all time.')),
    ...series,
    days: Type.Object(
      {
        from: moment('A day in UTC.'),
        to: moment('A day in UTC.'),
        clicks: count(),
        humans: count(),
        bots: count(),
      },
      { description: 'The whole days, in UTC, that the range touches: what the lists and visitors are of.' },
    ),
    uniqueVisitors: count(
      'People of `days`, each counted once a day; within 1.6 % (one standard error) above 1,000 a day and nearly exact below.',
    ),
    countries: shares('country, as ISO 3166-1 alpha-2'),
    regions: shares('region'),
    cities: shares('city'),
    referrers: shares('host of the referrer'),
    browsers: shares('browser'),
    operatingSystems: shares('operating system'),
    devices: shares('kind of device'),
    languages: shares('language'),
    utmSources: shares('utm_source'),
    utmMediums: shares('utm_medium'),
    utmCampaigns: shares('utm_campaign'),
    utmTerms: shares('utm_term'),
    utmContents: shares('utm_content'),
    recentClicks: Type.Array(
      Type.Object({
        at: moment('To the second.'),
        bot: Type.Boolean(),
        country: optionalText,
        browser: optionalText,
        operatingSystem: optionalText,
        device: optionalText,
        referrer: optionalText,
      }),
      { description: 'The last clicks, at most 20, the newest first.' },
    ),
    asOf,
  },
  { $id: 'LinkStats' },
)

export const FilteredStatsJson = Type.Object(
  {
    code: Type.String(),
    filter: Type.Object({ dimension: Type.String(), value: Type.String() }),
    ...series,
    asOf,
  },
  { $id: 'FilteredStats' },
)

export const FleetStatsJson = Type.Object(
  { ...totals, ...orphans('of the whole days, in UTC, that the range touches,'), ...series, asOf },
  { $id: 'FleetStats' },
)

export const TopLinksJson = Type.Object(
  {
    from: series.from,
    to: series.to,
    links: Type.Array(
      Type.Object({
        code: Type.String(),
        domain: Type.String(),
        clicks: count('Of the range.'),
        humans: count(),
        bots: count(),
      }),
      { description: 'Most clicks first.' },
    ),
    asOf,
  },
  { $id: 'TopLinks' },
)

const ProblemJson = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable: programs may rely on it.' }),
    detail: Type.String(),
    field: Type.Optional(Type.String({ description: 'The field of the request that is wrong.' })),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details.' },
)

/** Responses of a route: problems are all alike. */
export function answers(good: object, ...problems: readonly number[]) {
  const problem = { content: { 'application/problem+json': { schema: ProblemJson } } }
  return {
    200: good,
    ...Object.fromEntries(problems.map((status) => [status, { description: 'Problem', ...problem }])),
  }
}

export const security = [{ bearer: [] }, { apiKey: [] }]

export const filterDescription = `One value of one dimension, such as country:DE: its clicks by day in UTC, without the lists. Of a dimension at most ${traitValuesADayMax} values a day have numbers of their own.`
