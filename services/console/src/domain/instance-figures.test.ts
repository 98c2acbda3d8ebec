import { expect, test } from 'vitest'
import { figuresOf } from './instance-figures.ts'

const lookups = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([outcome, count]) => `redirect_lookups_total{outcome="${outcome}"} ${count}`)
    .join('\n')

test('hit ratios are of those lookups that came so far', () => {
  const page = lookups({ memory: 90, redis: 8, replica: 1, absent: 1 })
  expect(figuresOf('redirect', page)).toEqual([
    { name: 'Hits in memory', unit: 'share', value: 0.9 },
    { name: 'Hits in Redis', unit: 'share', value: 0.8 },
  ])
})

test('before the first lookup there is no ratio', () => {
  expect(figuresOf('redirect', lookups({ memory: 0, redis: 0 }))).toEqual([])
})

test('the replica that is furthest behind counts; partitions are added up', () => {
  const lag = 'redirect_replica_lag_seconds{replica="a"} 0.4\nredirect_replica_lag_seconds{replica="b"} 7\n'
  expect(figuresOf('redirect', lag)).toEqual([{ name: 'Replica lag', unit: 'seconds', value: 7 }])
  const behind =
    'analytics_consumer_lag_records{partition="0"} 3\nanalytics_consumer_lag_records{partition="1"} 4\n'
  expect(figuresOf('analytics', behind)).toEqual([{ name: 'Records behind', unit: 'count', value: 7 }])
})

test('a service that is not known has none', () => expect(figuresOf('gateway', 'x_total 1')).toEqual([]))
