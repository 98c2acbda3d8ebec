/**
 * A day of redirect as OpenMetrics text: a thousand good answers a minute from one instance, six hundred 503 a minute from
 * another between 10:00 and 10:10, and six hundred late answers a minute between 15:00 and 15:05. Between two minutes of
 * the afternoon an alert fires for fifteen seconds, and the pool of codes is empty for five.
 */
const minutesPerDay = 1_440
const bounds = ['0.1', '0.2', '1', '+Inf'] as const

interface Flow {
  readonly instance: string
  readonly code: string
  /** The bucket into which an answer falls. */
  readonly le: (typeof bounds)[number]
  readonly perMinute: (minute: number) => number
}

const between = (from: number, to: number, count: number) => (minute: number) =>
  minute > from * 60 && minute <= to * 60 ? count : 0

const flows: readonly Flow[] = [
  { instance: 'redirect-1', code: '302', le: '0.1', perMinute: () => 1_000 },
  { instance: 'redirect-1', code: '302', le: '1', perMinute: between(15, 15 + 5 / 60, 600) },
  { instance: 'redirect-2', code: '503', le: '0.1', perMinute: between(10, 10 + 10 / 60, 600) },
]

const shortAlert = 'alertname="ProbeFailing",alertstate="firing",severity="page",service="redirect"'

function poolSamples(startSeconds: number): string[] {
  const sample = (value: number, at: number) =>
    `slo:sli_bad:sample{sloth_id="id-generator-code-supply-1d"} ${value} ${at}`
  return Array.from({ length: minutesPerDay }, (_, minute) => {
    const at = startSeconds + minute * 60
    return [sample(0, at), sample(minute === 16 * 60 ? 1 : 0, at + 5)]
  }).flat()
}

export function seededDay(startSeconds: number): string {
  const buckets: string[] = []
  const counts: string[] = []
  for (const series of new Set(flows.map(({ instance, code }) => `instance="${instance}",code="${code}"`))) {
    const own = flows.filter(({ instance, code }) => series === `instance="${instance}",code="${code}"`)
    const labels = `service="redirect",route="/:code",method="GET",${series}`
    const counted = bounds.map((le) => ({
      le,
      flows: own.filter((flow) => bounds.indexOf(flow.le) <= bounds.indexOf(le)),
    }))
    for (const bound of counted) {
      let value = 0
      for (let minute = 0; minute <= minutesPerDay; minute++) {
        if (minute > 0) value += bound.flows.reduce((sum, flow) => sum + flow.perMinute(minute), 0)
        const at = startSeconds + minute * 60
        buckets.push(`http_request_duration_seconds_bucket{${labels},le="${bound.le}"} ${value} ${at}`)
        if (bound.le === '+Inf') counts.push(`http_request_duration_seconds_count{${labels}} ${value} ${at}`)
      }
    }
  }
  const everyMinute = (sample: string) =>
    Array.from({ length: minutesPerDay + 1 }, (_, minute) => `${sample} ${startSeconds + minute * 60}`)
  return [
    '# TYPE http_request_duration_seconds histogram',
    ...buckets,
    ...counts,
    '# TYPE up gauge',
    ...everyMinute('up{job="linkfleet",service="redirect",instance="redirect-1"} 1'),
    '# TYPE slo:sli_bad:sample gauge',
    ...everyMinute('slo:sli_bad:sample{sloth_id="analytics-click-freshness-1d"} 0'),
    ...poolSamples(startSeconds),
    '# TYPE ALERTS gauge',
    ...[10, 15, 20, 25].map((second) => `ALERTS{${shortAlert}} 1 ${startSeconds + 16 * 3_600 + second}`),
    '# EOF',
    '',
  ].join('\n')
}
