import { listen } from '@linkfleet/runtime/http'
import type { ServiceContext } from '@linkfleet/runtime/process'
import { openPrometheus } from '@linkfleet/slo/prometheus'
import { createInstancesAdmin, instanceAddressesOf } from './adapters/instances-admin.ts'
import { startProber } from './adapters/prober-http.ts'
import { createSessionsUpstream } from './adapters/sessions-upstream.ts'
import { openUpstreamHttp } from './adapters/upstream-http.ts'
import { buildWebPages } from './adapters/web-build-vite.ts'
import type { ConsoleConfig } from './config.ts'
import { createEvents } from './events.ts'
import { createConsoleServer } from './http/server.ts'

/** The raw samples of a day take seconds to read on a busy machine; a page waits for 20 s. */
const dayTimeoutMs = 18_000

export async function startConsole(config: ConsoleConfig, { log, metrics, health }: ServiceContext) {
  const events = createEvents(log, metrics)
  await using resources = new AsyncDisposableStack()
  const timeoutMs = config.upstreamTimeoutMs
  const shortener = openUpstreamHttp({ name: 'shortener', urls: config.shortenerUrls, timeoutMs, events })
  const analytics = openUpstreamHttp({ name: 'analytics', urls: config.analyticsUrls, timeoutMs, events })
  const monitoring = openPrometheus(config.prometheusUrl)
  health.dependency('shortener', shortener.state)
  health.dependency('analytics', analytics.state)
  health.dependency('prometheus', monitoring.state)

  const server = await createConsoleServer({
    log,
    metrics,
    shedTurnMsMax: config.shedTurnMsMax,
    events,
    shortener,
    analytics,
    sessions: createSessionsUpstream(shortener, Date.now),
    monitoring,
    dayMonitoring: openPrometheus(config.prometheusUrl, dayTimeoutMs),
    instances: createInstancesAdmin(instanceAddressesOf(config.fleetAdminUrls)),
    webFolder: await buildWebPages(),
    publicUrl: config.publicUrl,
    consoleUrl: config.consoleUrl,
    nowMs: Date.now,
  })
  const http = resources.use(await listen(server, config.httpHost, config.httpPort))
  resources.use(startProber(config.probeUrls, events.probed))
  health.setReady()
  const started = resources.move()
  return { url: http.url, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
