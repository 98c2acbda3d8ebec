/** What every process tells of itself beside its business: what it is, how busy its loop is, how its dependencies are. */
import { performance } from 'node:perf_hooks'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'
import { openPools } from './postgres.ts'
import { versionOf } from './version.ts'

/** Every gauge is read when it is scraped; none of it costs anything between. */
export function tellOfProcess(metrics: Metrics, health: Health): void {
  metrics
    .gauge('runtime_info', 'What runs: 1, with the version of linkfleet and of Node.', ['version', 'node'])
    .set({ version: versionOf(), node: process.version }, 1)
  metrics.gauge('runtime_ready', '1 while this process is ready and not draining.', [], (gauge) => {
    gauge.set(health.report().status === 'ready' ? 1 : 0)
  })
  metrics.gauge(
    'runtime_dependency_up',
    '1 while a dependency answers, or has not been needed yet.',
    ['dependency'],
    (gauge) => {
      gauge.reset()
      for (const [dependency, state] of Object.entries(health.report().dependencies)) {
        gauge.set({ dependency }, /^(up(, up)*|not .*)$/.test(state) ? 1 : 0)
      }
    },
  )
  let before = performance.eventLoopUtilization()
  metrics.gauge(
    'runtime_event_loop_utilization_ratio',
    'Share of the time since the last scrape in which the main thread had something to do.',
    [],
    (gauge) => {
      const now = performance.eventLoopUtilization()
      gauge.set(performance.eventLoopUtilization(now, before).utilization)
      before = now
    },
  )
  metrics.gauge(
    'runtime_postgres_pool_connections',
    'Connections of a pool: in use, idle, and callers that wait for one.',
    ['pool', 'state'],
    (gauge) => {
      gauge.reset()
      for (const { name, counts } of openPools()) {
        const { used, idle, waiting } = counts()
        gauge.inc({ pool: name, state: 'used' }, used)
        gauge.inc({ pool: name, state: 'idle' }, idle)
        gauge.inc({ pool: name, state: 'waiting' }, waiting)
      }
    },
  )
}
