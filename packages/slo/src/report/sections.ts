/** A report as headings, sentences and tables: what its Markdown and its HTML have in common. */
import type { BadRequests, DayReport, ServiceDay } from './day-report.ts'

export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

export interface Section {
  readonly heading: string
  readonly sentences: readonly string[]
  readonly table?: Table
}

export interface ReportText {
  readonly title: string
  readonly sections: readonly Section[]
}

export function textOf(report: DayReport): ReportText {
  return {
    title: `Service levels of ${report.day} (UTC)`,
    sections: [
      summary(report),
      ...report.services.flatMap(serviceSections),
      sampledSection(report),
      alertSection(report),
    ],
  }
}

const whole = (count: number): string => count.toLocaleString('en-US')
/** Five digits: 99.9 % and 99.99 % must not look alike. */
const percent = (share: number | null): string =>
  share === null ? 'no data' : `${(Math.floor(share * 1e5) / 1e3).toFixed(3)} %`
const spent = (share: number | null): string => (share === null ? 'no data' : `${(share * 100).toFixed(1)} %`)
const ms = (value: number | null): string =>
  value === null ? 'no data' : value < 10 ? value.toFixed(1) : value.toFixed(0)
const time = (isoText: string): string => isoText.slice(11, 16)

const verdicts = {
  kept: 'The promise was kept: nothing is owed.',
  missed: 'The promise was missed.',
  'not judged': 'There were too few requests, or no data, to judge the day by: nothing is owed.',
  open: 'The day is not over.',
} as const

function summary(report: DayReport): Section {
  const { verdict } = report
  const owed = `Owed ${report.isOver ? 'for this day' : 'if it ended now'}: ${verdict.creditPercent} % of its fee.`
  const gaps =
    report.coverage < 0.99
      ? [
          `Prometheus heard of the fleet in ${percent(report.coverage)} of the minutes: what happened in the others is not in these numbers.`,
        ]
      : []
  return {
    heading: 'Verdict',
    sentences: [
      `From ${report.from} to ${report.to}. Made at ${report.madeAt}.`,
      verdict.description,
      `${verdicts[verdict.outcome]} ${verdict.outcome === 'kept' || verdict.outcome === 'not judged' ? '' : owed}`.trim(),
      ...gaps,
    ],
    table: {
      head: ['service', 'requests', 'good', 'bad', 'availability', 'objective', 'budget spent'],
      rows: report.services.map((service) => [
        service.service,
        ...[service.requests, service.good, service.bad].map((count) =>
          service.requests === null || count === null ? 'no data' : whole(count),
        ),
        percent(service.availability),
        percent(service.target),
        spent(service.budgetSpent),
      ]),
    },
  }
}

function serviceSections(service: ServiceDay): Section[] {
  const { p50, p90, p99, p999 } = service.latencyMs
  const heading = `${service.service}: ${service.title}`
  if (service.requests === null)
    return [
      { heading, sentences: ['There is no data: nobody knows what was asked, or how it was answered.'] },
    ]
  if (service.requests === 0) return [{ heading, sentences: ['Nothing was asked.'] }]
  const head: Section = {
    heading,
    sentences: [
      `Half of its requests were answered within ${ms(p50)} ms, 90 % within ${ms(p90)} ms, 99 % within ${ms(p99)} ms, 99.9 % within ${ms(p999)} ms; good is up to ${service.thresholdMs} ms.`,
      service.bad === 0
        ? 'No request was bad.'
        : `${whole(service.bad)} were bad; the day allowed ${whole(Math.floor(service.allowedBad))}.`,
    ],
  }
  if (service.bad === 0) return [head]
  const by: Section = {
    heading: `${service.service}: what spent the budget`,
    sentences: [],
    table: {
      head: ['bad', 'why', 'route', 'instance'],
      rows: service.badBy.map((bad) => [
        whole(bad.count),
        whyOf(bad),
        `${bad.method} ${bad.route}`,
        bad.instance,
      ]),
    },
  }
  const when: Section = {
    heading: `${service.service}: when`,
    sentences: ['In steps of five minutes.'],
    table: {
      head: ['from', 'to', 'bad', 'of requests', 'of the budget', 'mostly'],
      rows: service.episodes.map((episode) => [
        time(episode.from),
        time(episode.to),
        whole(episode.bad),
        whole(episode.requests),
        spent(episode.budgetShare),
        episode.mostly === null
          ? ''
          : `${whyOf(episode.mostly)}: ${episode.mostly.method} ${episode.mostly.route}`,
      ]),
    },
  }
  return [head, by, when]
}

const whyOf = ({ kind, code }: BadRequests): string =>
  kind === 'slow' ? `${code}, too late` : `error ${code}`

function sampledSection({ sampled }: DayReport): Section {
  return {
    heading: 'Other objectives',
    sentences: [],
    table: {
      head: ['objective', 'target', 'kept'],
      rows: sampled.map(({ title, target, goodShare }) => [title, percent(target), percent(goodShare)]),
    },
  }
}

function noAlerts(coverage: number): string {
  if (coverage === 0) return 'There is no data: nobody knows whether any fired.'
  return coverage < 0.99 ? 'None fired in the minutes that are known.' : 'None fired.'
}

function alertSection({ alerts, coverage }: DayReport): Section {
  if (alerts.length === 0) return { heading: 'Alerts', sentences: [noAlerts(coverage)] }
  return {
    heading: 'Alerts',
    sentences: [],
    table: {
      head: ['from', 'to', 'alert', 'severity', 'service'],
      rows: alerts.map((alert) => [
        time(alert.from),
        time(alert.to),
        alert.name,
        alert.severity,
        alert.service,
      ]),
    },
  }
}
