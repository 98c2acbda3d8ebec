/** The few numbers that tell how an instance of a service is doing, from its own metrics. */
import type { Sample } from '../ports.ts'
import { parseExposition } from './exposition.ts'
import type { InstanceView } from './views.ts'

type Figure = InstanceView['figures'][number]

interface Recipe extends Omit<Figure, 'value'> {
  readonly metric: string
  readonly value: (samples: readonly Sample[]) => number | null
}

const valuesOf = (samples: readonly Sample[]): number[] =>
  samples.flatMap(({ value }) => (value === null ? [] : [value]))
const sum = (samples: readonly Sample[]): number | null => {
  const values = valuesOf(samples)
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0)
}
const most = (samples: readonly Sample[]): number | null => {
  const values = valuesOf(samples)
  return values.length === 0 ? null : Math.max(...values)
}

/** Of all lookups that `behind` did not answer already, those that `outcome` answered; null before the first. */
function hits(outcome: string, behind: readonly string[] = []) {
  return (samples: readonly Sample[]): number | null => {
    const asked = samples.filter(({ labels }) => !behind.includes(labels.outcome ?? ''))
    const all = sum(asked) ?? 0
    return all === 0 ? null : (sum(asked.filter(({ labels }) => labels.outcome === outcome)) ?? 0) / all
  }
}

const lookups = 'redirect_lookups_total'

const recipes: Readonly<Record<string, readonly Recipe[]>> = {
  redirect: [
    { name: 'Hits in memory', metric: lookups, unit: 'share', value: hits('memory') },
    { name: 'Hits in Redis', metric: lookups, unit: 'share', value: hits('redis', ['memory']) },
    { name: 'Replica lag', metric: 'redirect_replica_lag_seconds', unit: 'seconds', value: most },
    { name: 'Clicks unsent', metric: 'redirect_spool_unsent_bytes', unit: 'bytes', value: sum },
  ],
  shortener: [
    { name: 'Codes ready', metric: 'shortener_code_pool_codes', unit: 'count', value: sum },
    { name: 'Active relay', metric: 'shortener_relay_is_active', unit: 'flag', value: sum },
  ],
  analytics: [
    { name: 'Records behind', metric: 'analytics_consumer_lag_records', unit: 'count', value: sum },
    {
      name: 'Oldest uncounted click',
      metric: 'analytics_oldest_unapplied_click_age_seconds',
      unit: 'seconds',
      value: most,
    },
  ],
  'id-generator': [
    { name: 'Codes left', metric: 'id_generator_codes_left', unit: 'count', value: sum },
    { name: 'Shards leased', metric: 'id_generator_shards_leased', unit: 'count', value: sum },
  ],
}

/** Figures that an instance does not tell are left out: they are not made up as 0. */
export function figuresOf(service: string, page: string): readonly Figure[] {
  const own = recipes[service] ?? []
  const metrics = parseExposition(page, [...new Set(own.map(({ metric }) => metric))])
  return own.flatMap(({ name, metric, unit, value: read }) => {
    const value = read(metrics.get(metric) ?? [])
    return value === null ? [] : [{ name, unit, value }]
  })
}
