import { chart, type Dashboard, dashboard, query, row } from './panel.ts'

/** Postgres, Redis and Kafka as the services see them: what they fail to answer, and how far behind they are. */
export function engines(): Dashboard {
  return dashboard('engines', 'engines, as the services see them', [
    row('Postgres'),
    chart('Replica lag', 's', [query('max by (replica) (redirect_replica_lag_seconds)', '{{replica}}')], {
      limit: 10,
    }),
    chart('Connections of pools', 'short', [
      query('sum by (pool, state) (runtime_postgres_pool_connections)', '{{pool}} {{state}}'),
    ]),
    chart('Transaction of creates, p99', 's', [
      query(
        'histogram_quantile(0.99, sum by (le) (rate(shortener_create_transaction_seconds_bucket[5m])))',
        'p99',
      ),
    ]),
    chart('Commit of clicks, p99', 's', [
      query('histogram_quantile(0.99, sum by (le) (rate(analytics_batch_apply_seconds_bucket[5m])))', 'p99'),
    ]),
    chart('Blocks reserved', 'ops', [
      query('sum by (outcome) (rate(id_generator_block_reservations_total[1m]))', '{{outcome}}'),
    ]),
    chart('Clock of the primary against ours', 's', [query('redirect_clock_skew_seconds', '{{instance}}')], {
      limit: 0.5,
    }),
    row('Redis and Kafka'),
    chart('Sources left alone by redirect', 'short', [
      query('max by (source) (redirect_breaker_open)', '{{source}}'),
    ]),
    chart('Failed calls of the shortener', 'ops', [
      query('sum by (dependency) (rate(shortener_dependency_failures_total[1m]))', '{{dependency}}'),
    ]),
    chart('New cache generations', 'ops', [
      query('sum(rate(shortener_cache_generations_total[5m]))', 'generations'),
    ]),
    chart('Feed of changes joined anew', 'ops', [
      query('sum by (instance) (rate(redirect_feed_gaps_total[5m]))', '{{instance}}'),
    ]),
    chart('Records not applied yet, by partition', 'short', [
      query('sum by (partition) (analytics_consumer_lag_records)', '{{partition}}'),
    ]),
    row('Prometheus'),
    chart('Targets that do not answer', 'short', [query('count(up == 0) or vector(0)', 'silent')]),
  ])
}
