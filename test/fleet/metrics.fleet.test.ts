/**
 * What dashboards, rules and the console ask for is there: each metric they name is on a page of the live fleet, and no
 * page grows with what visitors send.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from '@linkfleet/testkit/eventually'
import { type Fleet, readRunFile } from '@linkfleet/testkit/fleet'
import { createLink, follow } from '@linkfleet/testkit/fleet-client'
import { uniqueName } from '@linkfleet/testkit/unique-name'
import { expect, inject, test } from 'vitest'
import { parse } from 'yaml'
import { instantQueries, rangeQueries } from '../../services/console/src/domain/slo-queries.ts'

const fleet: Fleet = inject('fleet')
const checkout = fileURLToPath(new URL('../../', import.meta.url))
const servicesOfFleet = ['analytics', 'console', 'id-generator', 'redirect', 'shortener']
/** Of one process. Histograms of every route and status make most of it. */
const seriesMax = 6_000

/** Prefixes of the metrics that services make; all else is Prometheus' own, an exporter's, or recorded by a rule. */
const ownMetric =
  /(?<![\w:])((?:redirect|shortener|analytics|console|id_generator|http|grpc|runtime|nodejs|process)_[a-z0-9_]+)(?![\w:]*[:(])/g

interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

async function seriesOf(admin: string): Promise<Series[]> {
  const page = await (await fetch(`${admin}/metrics`, { signal: AbortSignal.timeout(10_000) })).text()
  return page
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = ''] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? /.exec(line) ?? []
      const pairs = labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
      return { name, labels: Object.fromEntries([...pairs].map(([, key, value]) => [key, value])) }
    })
}

async function everySeries(): Promise<Map<string, Series[]>> {
  const { services } = await readRunFile(fleet.home)
  const pages = services.map(async ({ name, admin }) => [name, await seriesOf(admin)] as const)
  return new Map(await Promise.all(pages))
}

function textsOf(folder: string, ending: string): string[] {
  return readdirSync(join(checkout, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(checkout, folder, name), 'utf8'))
}

/** The expressions alone: descriptions speak of other things, too. */
function expressionsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'expr' && typeof inner === 'string' ? [inner] : expressionsIn(inner),
  )
}

/** Names in an expression, without label names and the text of matchers. */
function metricsIn(expression: string): string[] {
  const bare = expression
    .replace(/\b(by|without|on|ignoring|group_left|group_right) *\([^)]*\)/g, ' ')
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
  return [...bare.matchAll(ownMetric)].map(([, name = '']) => name)
}

function ruleExpressions(): string[] {
  return textsOf('deploy/prometheus/rules', '.yml').flatMap((text) => expressionsIn(parse(text)))
}

test('each metric that a panel, a rule or the console asks for is on a page of the live fleet', async () => {
  const panels = textsOf('deploy/grafana/dashboards', '.json').flatMap((text) =>
    expressionsIn(JSON.parse(text)),
  )
  const rules = ruleExpressions()
  const ofConsole = [...Object.values(instantQueries(3_600)), ...Object.values(rangeQueries('1h'))].map(
    (one) => (typeof one === 'string' ? one : JSON.stringify(one)),
  )
  const wanted = new Map(
    Object.entries({ panels, rules, ofConsole }).map(([where, all]) => [
      where,
      new Set(all.flatMap(metricsIn)),
    ]),
  )
  // Proof that the search finds something.
  expect(wanted.get('panels')?.size).toBeGreaterThan(40)
  expect(wanted.get('rules')).toContain('http_request_duration_seconds_bucket')
  expect(wanted.get('ofConsole')?.size).toBeGreaterThan(0)

  const { code } = await createLink(fleet, { url: 'https://example.com/metrics' })
  await follow(fleet, code)
  // Gauges of partitions exist once they are assigned.
  await eventually(
    async () => {
      const pages = await everySeries()
      const live = new Set([...pages.values()].flat().map(({ name }) => name))
      const missing = [...wanted].flatMap(([where, names]) =>
        [...names].filter((name) => !live.has(name)).map((name) => `${where}: ${name}`),
      )
      expect(missing).toEqual([])
      return true
    },
    { withinMs: 30_000 },
  )
})

test('no label holds what a visitor sent, and a burst of unknown codes and browsers makes no series', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/burst', alias: uniqueName('burst') })
  await follow(fleet, code)
  const before = await everySeries()
  expect([...new Set([...before.keys()].map((name) => name.replace(/-\d+$/, '')))].sort()).toEqual(
    servicesOfFleet,
  )
  const sent = Array.from({ length: 300 }, (_, index) => `${uniqueName('nothing')}${index}`)
  for (let from = 0; from < sent.length; from += 20) {
    await Promise.all(
      sent.slice(from, from + 20).map((name, index) =>
        follow(fleet, index % 2 === 0 ? name : code, {
          'user-agent': `Agent-${name}`,
          referer: `https://${name}.example/`,
        }),
      ),
    )
  }
  const after = await everySeries()
  for (const [name, series] of after) {
    expect(series.length, `series of ${name}`).toBeLessThan(seriesMax)
    expect(series.length - (before.get(name)?.length ?? 0), `new series of ${name}`).toBeLessThan(200)
    const values = series.flatMap(({ labels }) => Object.values(labels))
    const foreign = values.filter(
      (value) => value.includes(code) || value.includes('nothing') || /^https?:\/\//.test(value),
    )
    expect(foreign, `labels of ${name}`).toEqual([])
  }
})
