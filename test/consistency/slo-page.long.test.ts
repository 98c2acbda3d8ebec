/**
 * The console's page of the error budget while its Prometheus is killed and started again: real samples of a real scrape, and
 * what the page says is true at each moment.
 */
import { rm } from 'node:fs/promises'
import { type StartEnginesOptions, startEngines } from '@linkfleet/local/engines'
import { writePrometheusTargets } from '@linkfleet/local/engines/prometheus'
import { findPrometheus } from '@linkfleet/local/programs/prometheus'
import { startAdminServer } from '@linkfleet/runtime/admin'
import { Health } from '@linkfleet/runtime/health'
import { answerMeter } from '@linkfleet/runtime/http-durations'
import { Metrics } from '@linkfleet/runtime/metrics'
import { openPrometheus } from '@linkfleet/slo/prometheus'
import { eventually } from '@linkfleet/testkit/eventually'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { createInstancesAdmin } from '../../services/console/src/adapters/instances-admin.ts'
import type { SloView } from '../../services/console/src/domain/views.ts'
import { cookie, openConsole } from '../../services/console/src/testing/fixture.ts'

const found = await findPrometheus({ progress: () => {} })
const why = 'missing' in found ? `: ${found.missing}` : ''

/** Visitors of the same two seconds share one answer. */
const patiently = { withinMs: 60_000, everyMs: 2_100 }
const testMs = 300_000
const dayMs = 86_400_000

/** The page is about a UTC day: what one counts the next one has forgotten. */
const dayHasRoom = () => Date.now() % dayMs < dayMs - testMs

/** A redirect as far as anybody who scrapes it can tell. */
async function startScraped() {
  const metrics = new Metrics('redirect')
  const health = new Health()
  health.setReady()
  const meter = answerMeter(metrics, '/:code', ['GET'], [302, 503])
  const answered = (status: number, count: number) => {
    const request = { method: 'GET', arrivedMs: performance.now() } as FastifyRequest
    for (let left = count; left > 0; left--) meter(request, status)
  }
  const admin = await startAdminServer({ host: '127.0.0.1', port: 0, health, metrics })
  return { admin, answered }
}

describe.skipIf(why !== '')(`the page of the error budget${why}`, () => {
  test(
    'says whose numbers it shows while Prometheus is killed, away and back, and counts nothing twice',
    async () => {
      await eventually(dayHasRoom, { withinMs: testMs })
      await using resources = new AsyncDisposableStack()
      const home = await temporaryHome('slo-page')
      resources.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }))
      const { admin, answered } = await startScraped()
      resources.use(admin)
      const address = admin.url.replace('http://', '')
      await writePrometheusTargets(home, [{ address, service: 'redirect', instance: 'redirect-1' }])

      const start = (ports: StartEnginesOptions['ports']) =>
        startEngines({ home, ports, which: ['prometheus'], env: {} })
      const first = resources.use(await start('free'))
      const prometheusUrl = first.prometheusUrl ?? ''
      const [running] = first.engines
      if (running === undefined) throw new Error('there is no Prometheus')

      const instances = createInstancesAdmin([{ service: 'redirect', adminUrl: admin.url }])
      const pages = resources.use(
        await openConsole({ monitoring: openPrometheus(prometheusUrl, 10_000), instances }),
      )
      let nowMs = 0
      const look = async (): Promise<SloView> => {
        pages.passMs(Date.now() - nowMs)
        nowMs = Date.now()
        const answer = await pages.server.inject({ url: '/api/console/slo', headers: { cookie } })
        expect(answer.statusCode).toBe(200)
        return answer.json() as SloView
      }
      const redirectOf = ({ services }: SloView) => services.find(({ service }) => service === 'redirect')

      // It has been scraped at 0 before anything is counted: the increase is all of it.
      await eventually(async () => expect(redirectOf(await look())?.requests.total).toBe(0), {
        withinMs: 60_000,
      })
      answered(302, 300)
      answered(503, 100)
      await eventually(async () => {
        const view = await look()
        expect(view).toMatchObject({ source: 'prometheus', problem: null, silentInstances: [] })
        const { total = 0, availability = null } = redirectOf(view)?.requests ?? {}
        expect(total).toBeGreaterThan(300)
        expect(availability).toBeCloseTo(0.75, 1)
      }, patiently)

      process.kill(running.pid, 'SIGKILL')
      await eventually(async () => {
        const view = await look()
        expect(view).toMatchObject({ source: 'services', objectives: [], alerts: [], charts: null })
        expect(view.problem).toContain('Prometheus does not answer')
        // What the process itself has counted since its start.
        expect(redirectOf(view)?.requests).toMatchObject({ total: 400, good: 300, bad: 100 })
      }, patiently)

      answered(302, 400)
      const port = Number(new URL(prometheusUrl).port)
      resources.use(await start({ postgres: port, redis: port, kafka: port, prometheus: port }))
      await eventually(async () => {
        const view = await look()
        expect(view).toMatchObject({ source: 'prometheus', problem: null, silentInstances: [] })
        expect(redirectOf(view)?.requests.total).toBeGreaterThan(600)
        // Of all that was ever answered, each once; extrapolation makes of it a little more.
        expect(redirectOf(view)?.requests.total).toBeLessThan(1_300)
      }, patiently)
    },
    2 * testMs,
  )
})
