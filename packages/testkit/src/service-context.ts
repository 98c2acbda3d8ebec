/** What a service is started with in a test: real metrics and health, and a logger that keeps silent. */
import { Health } from '@linkfleet/runtime/health'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import type { ServiceContext } from '@linkfleet/runtime/process'

export function testContext(service: string): ServiceContext {
  return {
    log: silentLogger(),
    metrics: new Metrics(service),
    health: new Health(),
    signal: new AbortController().signal,
  }
}
