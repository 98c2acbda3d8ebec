/** What happens in the console that an operator may want to see: metric and log together, never throwing. */
import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { Failure } from './domain/upstream-order.ts'

/** `refused`: answered, but not as it should be; `late`: not within the deadline; `unreachable`: no connection. */
const probeOutcomes = ['followed', 'refused', 'late', 'unreachable'] as const
export type ProbeOutcome = (typeof probeOutcomes)[number]

export type Events = ReturnType<typeof createEvents>

export function createEvents(log: Logger, metrics: Metrics) {
  const failures = metrics.counter(
    'console_upstream_failures_total',
    'Calls to another service that an instance did not answer, by upstream and kind.',
    ['upstream', 'kind'],
    ['shortener', 'analytics'].flatMap((upstream) =>
      ['refused', 'lost', 'late', 'unavailable'].map((kind) => ({ upstream, kind })),
    ),
  )
  const logins = metrics.counter(
    'console_logins_total',
    'One-time logins, by outcome.',
    ['outcome'],
    [{ outcome: 'accepted' }, { outcome: 'refused' }, { outcome: 'failed' }],
  )
  const refusedOrigins = metrics.counter(
    'console_foreign_origin_refusals_total',
    'Changes refused because another site asked for them.',
    [],
    [{}],
  )
  const monitoring = metrics.counter(
    'console_prometheus_failures_total',
    'Times that the SLO page fell back to the own metrics of the services.',
    [],
    [{}],
  )
  const probes = metrics.counter(
    'console_probes_total',
    'Attempts to follow a known link through the public port, by what came of them.',
    ['outcome'],
    probeOutcomes.map((outcome) => ({ outcome })),
  )
  const probeDurations = metrics.histogram(
    'console_probe_seconds',
    'How long a known link took to follow through the public port, connecting included.',
  )
  return {
    probed(baseUrl: string, outcome: ProbeOutcome, seconds: number) {
      probes.inc({ outcome })
      probeDurations.observe(seconds)
      if (outcome !== 'followed') log.warn({ baseUrl, outcome, seconds }, 'the known link was not followed')
    },
    upstreamFailed(upstream: string, url: string, failure: Failure, cause: unknown) {
      failures.inc({ upstream, kind: failure.kind })
      log.warn({ upstream, url, kind: failure.kind, err: cause }, 'an upstream instance did not answer')
    },
    loginAccepted(role: string) {
      logins.inc({ outcome: 'accepted' })
      log.info({ role }, 'someone logged in')
    },
    loginRefused() {
      logins.inc({ outcome: 'refused' })
      log.info('a login was refused')
    },
    loginFailed(cause: unknown) {
      logins.inc({ outcome: 'failed' })
      log.warn({ err: cause }, 'a login could not be checked')
    },
    foreignOriginRefused(origin: string | undefined) {
      refusedOrigins.inc()
      log.warn({ origin }, 'a change from another site was refused')
    },
    monitoringAway(cause: unknown) {
      monitoring.inc()
      log.warn(
        { err: cause },
        'Prometheus does not answer; the SLO page shows the own metrics of the services',
      )
    },
  }
}
