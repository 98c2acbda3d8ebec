import type { RatioIndicator, Slo } from '@linkfleet/slo/objective'
import { budget, chart, type Dashboard, dashboard, query } from './panel.ts'

const recordedBuckets = 'service_le:http_request_duration_seconds_bucket:rate1m'

export function overview(slos: readonly Slo[]): Dashboard {
  const judged = slos.filter((slo) => slo.indicator.kind === 'ratio').map(({ service }) => service)
  const services = `service=~"${[...new Set(judged)].join('|')}"`
  const indicator = slos
    .map((slo) => slo.indicator)
    .find((one): one is RatioIndicator => one.kind === 'ratio')
  const limit = indicator?.thresholdSeconds ?? 0
  const latency = (name: string, q: number) =>
    chart(
      `Latency, ${name}`,
      's',
      [query(`histogram_quantile(${q}, ${recordedBuckets}{${services}})`, '{{service}}')],
      { limit },
    )
  const left = 'slo:period_error_budget_remaining:ratio'
  return dashboard('overview', 'overview', [
    budget(
      'Error budget left today',
      'Of the budget that the rolling day gives, how much is not spent.',
      [query(`${left}{sloth_slo=~".*-1d"}`, '{{sloth_service}}')],
      12,
    ),
    budget(
      'Error budget left over 30 days',
      'Of the budget that the last 30 days give.',
      [query(`${left}{sloth_slo=~".*-30d"}`, '{{sloth_service}}')],
      12,
    ),
    chart(
      'Burn rate, 5 minutes',
      'x',
      [query('slo:current_burn_rate:ratio{sloth_slo=~".*-1d"}', '{{sloth_service}}')],
      { limit: 1 },
    ),
    chart('Requests per second', 'reqps', [
      query('sum by (service) (rate(http_request_duration_seconds_count[1m]))', '{{service}}'),
    ]),
    chart('Server errors per second', 'reqps', [
      query(
        'sum by (service, code) (rate(http_request_duration_seconds_count{code=~"5.."}[1m]))',
        '{{service}} {{code}}',
      ),
    ]),
    chart('Requests refused for overload', 'reqps', [
      query('sum by (service, priority) (rate(http_requests_shed_total[1m]))', '{{service}} {{priority}}'),
    ]),
    latency('p50', 0.5),
    latency('p99', 0.99),
    latency('p99.9', 0.999),
    chart('gRPC calls, p99', 's', [
      query(
        'histogram_quantile(0.99, sum by (service, le) (rate(grpc_server_handling_seconds_bucket[5m])))',
        '{{service}}',
      ),
    ]),
    chart('A known link through the public port', 'ops', [
      query('sum by (outcome) (rate(console_probes_total[1m]))', '{{outcome}}'),
    ]),
    chart('Instances up', 'short', [query('sum by (service) (up{job="linkfleet"})', '{{service}}')]),
    chart('Memory', 'bytes', [
      query('sum by (instance) (process_resident_memory_bytes{job="linkfleet"})', '{{instance}}'),
    ]),
  ])
}
