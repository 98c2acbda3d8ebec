import { chart, type Dashboard, dashboard, query } from './panel.ts'

/** From the spool of a redirect to the statistics, in the order in which a click passes. */
export function clickPipeline(): Dashboard {
  return dashboard('click-pipeline', 'the way of a click', [
    chart('1. Recorded before the answer left', 'ops', [
      query('sum by (kind) (rate(redirect_clicks_recorded_total[1m]))', '{{kind}}'),
    ]),
    chart('Not recorded', 'ops', [
      query('sum by (kind, reason) (rate(redirect_clicks_dropped_total[1m]))', '{{kind}} {{reason}}'),
    ]),
    chart('2. Waiting for Kafka', 'bytes', [query('redirect_spool_unsent_bytes', '{{instance}}')]),
    chart('Spool on disk', 'bytes', [query('redirect_spool_bytes', '{{instance}}')]),
    chart('Set aside or damaged', 'short', [
      query('redirect_spool_set_aside_clicks', 'set aside {{instance}}'),
      query('redirect_spool_damaged_bytes', 'damaged bytes {{instance}}'),
    ]),
    chart('Failures of the spool', 'ops', [
      query('sum by (operation) (rate(redirect_spool_failures_total[1m]))', '{{operation}}'),
    ]),
    chart('3. Messages acknowledged by Kafka', 'ops', [
      query('sum by (instance) (rate(redirect_spool_sent_messages[1m]))', '{{instance}}'),
    ]),
    chart('Records not applied yet', 'short', [
      query('sum by (instance) (analytics_consumer_lag_records)', '{{instance}}'),
    ]),
    chart('4. Counted', 'ops', [
      query('sum by (kind) (rate(analytics_clicks_applied_total[1m]))', '{{kind}}'),
      query('sum(rate(analytics_clicks_duplicate_total[1m]))', 'came again'),
    ]),
    chart(
      'Age of the oldest click not counted',
      's',
      [query('max(analytics_oldest_unapplied_click_age_seconds)', 'oldest')],
      { limit: 5 },
    ),
    chart('From redirect to the statistics', 's', [
      query(
        'histogram_quantile(0.99, sum by (le) (rate(analytics_click_visible_seconds_bucket[5m])))',
        'p99',
      ),
    ]),
    chart('Lost, refused or unreadable', 'ops', [
      query('sum(rate(analytics_records_lost_total[1m]))', 'lost'),
      query('sum(rate(analytics_clicks_refused_total[1m]))', 'refused'),
      query('sum by (reason) (rate(analytics_dead_letters_total[1m]))', 'dead letter: {{reason}}'),
    ]),
  ])
}
