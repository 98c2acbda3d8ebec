import type { Logger } from '@linkfleet/runtime/log'
import type { Metrics } from '@linkfleet/runtime/metrics'
import type { Generator, ReservationKind } from './domain/generator.ts'

export interface Events {
  codesAllocated(count: number): void
  blockAsked(outcome: ReservationKind): void
  upkeepFailed(cause: unknown): void
  upkeepRecovered(): void
  handOverFailed(cause: unknown): void
}

const outcomes: readonly ReservationKind[] = ['reserved', 'fenced', 'moved', 'beyond-ceiling', 'used-up']

export function createEvents(log: Logger, metrics: Metrics): Events {
  const codes = metrics.counter('id_generator_codes_allocated_total', 'Codes handed out.')
  const blocks = metrics.counter(
    'id_generator_block_reservations_total',
    'Attempts to reserve a block of counter values, by outcome.',
    ['outcome'],
    outcomes.map((outcome) => ({ outcome })),
  )
  const failures = metrics.counter('id_generator_upkeep_failures_total', 'Times that upkeep began to fail.')
  return {
    codesAllocated: (count) => codes.inc(count),
    blockAsked: (outcome) => blocks.inc({ outcome }),
    upkeepFailed(cause) {
      failures.inc()
      log.warn({ err: cause }, 'leases and blocks cannot be kept up; codes at hand go on')
    },
    upkeepRecovered: () => log.info('leases and blocks are kept up again'),
    handOverFailed: (cause) => log.warn({ err: cause }, 'leases were not given back and will expire'),
  }
}

export function exposeSupply(metrics: Metrics, generator: Generator): void {
  const gauge = (name: string, help: string, value: () => number) =>
    metrics.gauge(name, help, [], (series) => series.set(value()))
  gauge(
    'id_generator_shards_leased',
    'Counter shards this instance has leased.',
    () => generator.status().leases,
  )
  gauge('id_generator_blocks_left', 'Reserved blocks that are not used up.', () => generator.status().blocks)
  gauge(
    'id_generator_codes_left',
    'Codes that can be handed out without the database.',
    () => generator.status().codes,
  )
  gauge(
    'id_generator_block_values',
    'Counter values of the next block.',
    () => generator.status().blockValues,
  )
}
