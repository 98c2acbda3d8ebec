/** One dashboard a service: what it promises, what it answers, what it is made of, and what only it has. */
import type { Slo } from '@linkfleet/slo/objective'
import { windowsOf } from '../rules.ts'
import { budget, chart, type Dashboard, dashboard, type Panel, query, row } from './panel.ts'

const perSecond = (metric: string, by: string): string => `sum by (${by}) (rate(${metric}[1m]))`

const own: Readonly<Record<string, readonly Panel[]>> = {
  redirect: [
    chart('Lookups by source', 'ops', [query(perSecond('redirect_lookups_total', 'outcome'), '{{outcome}}')]),
    chart('Failures of sources', 'ops', [
      query(perSecond('redirect_source_failures_total', 'source'), '{{source}}'),
    ]),
    chart('Sources left alone', 'short', [
      query('max by (instance, source) (redirect_breaker_open)', '{{instance}} {{source}}'),
    ]),
    chart('Links in memory', 'short', [query('redirect_memory_cache_links', '{{instance}}')]),
    chart('Memory of links', 'bytes', [query('redirect_memory_cache_bytes', '{{instance}}')]),
    chart('Stale answers', 'ops', [
      query(perSecond('redirect_stale_served_total', 'instance'), '{{instance}}'),
    ]),
  ],
  shortener: [
    chart('Changes of links', 'ops', [query(perSecond('shortener_link_changes_total', 'kind'), '{{kind}}')]),
    chart('Creates in a transaction, mean', 'short', [
      query(
        'sum(rate(shortener_create_group_links_sum[1m])) / sum(rate(shortener_create_group_links_count[1m]))',
        'links',
      ),
    ]),
    chart('Transaction of a group, p99', 's', [
      query(
        'histogram_quantile(0.99, sum by (le) (rate(shortener_create_transaction_seconds_bucket[5m])))',
        'p99',
      ),
    ]),
    chart('Codes at hand', 'short', [query('shortener_code_pool_codes', '{{instance}}')]),
    chart('Changes relayed', 'ops', [
      query(perSecond('shortener_relayed_changes_total', 'sink'), '{{sink}}'),
    ]),
    chart('Changes in the outbox', 'short', [query('max by (sink) (shortener_outbox_changes)', '{{sink}}')]),
    chart('Wait of the first change in the outbox', 's', [
      query('max by (sink) (shortener_outbox_oldest_seconds)', '{{sink}}'),
    ]),
    chart('Active relay', 'short', [query('shortener_relay_is_active', '{{instance}}')]),
    chart('Age of the watermark in Redis', 's', [query('max(shortener_watermark_age_seconds)', 'age')]),
  ],
  analytics: [
    chart('Clicks counted', 'ops', [query(perSecond('analytics_clicks_applied_total', 'kind'), '{{kind}}')]),
    chart('Batches', 'ops', [query(perSecond('analytics_batches_total', 'outcome'), '{{outcome}}')]),
    chart('Reads of statistics', 'ops', [
      query(perSecond('analytics_stats_reads_total', 'source'), '{{source}}'),
    ]),
  ],
  console: [
    chart('Calls not answered', 'ops', [
      query(perSecond('console_upstream_failures_total', 'upstream, kind'), '{{upstream}} {{kind}}'),
    ]),
    chart('Logins', 'ops', [query(perSecond('console_logins_total', 'outcome'), '{{outcome}}')]),
  ],
  'id-generator': [
    chart('Codes handed out', 'ops', [
      query(perSecond('id_generator_codes_allocated_total', 'instance'), '{{instance}}'),
    ]),
    chart('Codes left without the database', 'short', [query('id_generator_codes_left', '{{instance}}')]),
    chart('Blocks left', 'short', [query('id_generator_blocks_left', '{{instance}}')]),
    chart('Shards leased', 'short', [query('id_generator_shards_leased', '{{instance}}')]),
  ],
}

/** What every Node process of the fleet tells of itself. */
function processPanels(service: string): Panel[] {
  const of = `{service="${service}"}`
  return [
    chart('CPU', 'percentunit', [query(`rate(process_cpu_seconds_total${of}[1m])`, '{{instance}}')]),
    chart('Memory', 'bytes', [query(`process_resident_memory_bytes${of}`, '{{instance}}')]),
    chart('Event loop busy', 'percentunit', [
      query(`runtime_event_loop_utilization_ratio${of}`, '{{instance}}'),
    ]),
    chart('Dependencies that answer', 'short', [
      query(`min by (dependency) (runtime_dependency_up${of})`, '{{dependency}}'),
    ]),
    chart('Event-loop delay, p99', 's', [query(`nodejs_eventloop_lag_p99_seconds${of}`, '{{instance}}')]),
  ]
}

function requestPanels(service: string, limit: number | undefined): Panel[] {
  const of = `{service="${service}"}`
  const http = 'http_request_duration_seconds'
  const quantile = (q: number) => `histogram_quantile(${q}, sum by (le) (rate(${http}_bucket${of}[5m])))`
  const bound = limit === undefined ? {} : { limit }
  return [
    chart('Requests by route', 'reqps', [
      query(`sum by (route, method) (rate(${http}_count${of}[1m]))`, '{{method}} {{route}}'),
    ]),
    chart('Answers by status', 'reqps', [query(`sum by (code) (rate(${http}_count${of}[1m]))`, '{{code}}')]),
    chart(
      'Latency',
      's',
      [0.5, 0.99, 0.999].map((q) => query(quantile(q), `p${q * 100}`)),
      bound,
    ),
    chart('gRPC calls served', 'reqps', [
      query(
        `sum by (grpc_method, grpc_code) (rate(grpc_server_handling_seconds_count${of}[1m]))`,
        '{{grpc_method}} {{grpc_code}}',
      ),
    ]),
    ...(callers.has(service) ? callPanels(of) : []),
  ]
}

/** Services that call others over gRPC. */
const callers = new Set(['redirect', 'shortener', 'analytics'])

/** As the caller sees them: what never reached the other side is in here, and in no metric of the other side. */
function callPanels(of: string): Panel[] {
  const metric = 'grpc_client_handling_seconds'
  return [
    chart('gRPC calls made', 'reqps', [
      query(
        `sum by (grpc_method, grpc_code) (rate(${metric}_count${of}[1m]))`,
        '{{grpc_method}} {{grpc_code}}',
      ),
    ]),
    chart('gRPC calls made, p99', 's', [
      query(
        `histogram_quantile(0.99, sum by (grpc_method, le) (rate(${metric}_bucket${of}[5m])))`,
        '{{grpc_method}}',
      ),
    ]),
  ]
}

/** 1 spends the budget in exactly its period. A short window over a long one: it begins. The other way round: it is over. */
function burnRates({ id, period, target }: Slo): Panel {
  const budget = Number((1 - target).toPrecision(12))
  const rate = (window: string) => `max(slo:sli_error:ratio_rate${window}{sloth_id="${id}"}) / ${budget}`
  const windows = windowsOf(period).map((window) => query(rate(window), window))
  return chart('Burn rate by window', 'x', windows, { width: 24, limit: 1 })
}

function promisePanels(slos: readonly Slo[]): Panel[] {
  if (slos.length === 0) return []
  const width = Math.floor(24 / slos.length)
  return [
    row('What it promises'),
    ...slos.map((slo) =>
      budget(
        `Budget left: ${slo.title}`,
        slo.description,
        [query(`slo:period_error_budget_remaining:ratio{sloth_id="${slo.id}"}`, slo.period)],
        width,
      ),
    ),
    ...slos.slice(0, 1).map(burnRates),
  ]
}

export function serviceDashboards(slos: readonly Slo[]): Dashboard[] {
  return Object.entries(own).map(([service, panels]) => {
    const promised = slos.filter((slo) => slo.service === service)
    const limit = promised.flatMap(({ indicator }) =>
      indicator.kind === 'ratio' ? [indicator.thresholdSeconds] : [],
    )[0]
    return dashboard(service, service, [
      ...promisePanels(promised),
      row('Requests'),
      ...requestPanels(service, limit),
      row('Inside'),
      ...panels,
      row('Process'),
      ...processPanels(service),
    ])
  })
}
