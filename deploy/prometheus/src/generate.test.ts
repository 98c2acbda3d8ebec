import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { generateFiles } from './generate.ts'
import { burnPolicies, type RuleGroup, windowsOf } from './rules.ts'
import { parseAgreement, parseSlos, readAgreement, readSloFolder } from './slo.ts'

const folder = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const generated = generateFiles(folder('../..'))
const rulesPath = 'deploy/prometheus/rules/'
const generatedRules = generated.filter(({ path }) => path.startsWith(`${rulesPath}slo-`))

test.each(generated)('$path is what deploy/slo says (npm run slo -- generate)', ({ path, text }) => {
  expect(readFileSync(folder(`../../${path}`), 'utf8')).toBe(text)
})

test('no generated file outlives its objective', () => {
  const left = [
    ...readdirSync(folder('rules')).map((name) => rulesPath + name),
    ...readdirSync(folder('../grafana/dashboards')).map((name) => `deploy/grafana/dashboards/${name}`),
  ].filter((path) => !generated.some((file) => file.path === path))
  expect(left).toEqual([`${rulesPath}fleet.yml`])
})

test('redirect and shortener promise 99.9 % each day and over 30 days', () => {
  const promised = readSloFolder(folder('../slo')).filter((slo) => slo.target === 0.999)
  expect(promised.map((slo) => slo.id).sort()).toEqual([
    'redirect-requests-1d',
    'redirect-requests-30d',
    'shortener-requests-1d',
    'shortener-requests-30d',
  ])
})

test('a day is watched over the windows of the design', () => {
  const pairs = burnPolicies['1d'].map((policy) => [policy.factor, policy.longWindow, policy.shortWindow])
  expect(pairs).toEqual([
    [14.4, '10m', '1m'],
    [6, '1h', '5m'],
    [3, '4h', '20m'],
    [1, '12h', '1h'],
  ])
  expect(windowsOf('1d')).toEqual(['1m', '5m', '10m', '20m', '1h', '4h', '12h', '1d'])
  expect(windowsOf('30d')).toEqual(['5m', '30m', '1h', '2h', '6h', '1d', '3d', '30d'])
})

test('every window reads as much history as its name says', () => {
  for (const { path, text } of generatedRules) {
    for (const rule of (parse(text) as { groups: RuleGroup[] }).groups.flatMap((group) => group.rules)) {
      const window = rule.labels.sloth_window
      if (window === undefined) continue
      const ranges = [...rule.expr.matchAll(/\[(\w+)\]/g)].map((match) => match[1])
      expect(new Set([window, ...ranges]), `${path} ${'record' in rule ? rule.record : ''}`).toEqual(
        new Set([window]),
      )
    }
  }
})

test('every alert names a runbook that is there', () => {
  const alerts = readdirSync(folder('rules'))
    .flatMap(
      (name) => (parse(readFileSync(folder(`rules/${name}`), 'utf8')) as { groups: RuleGroup[] }).groups,
    )
    .flatMap((group) => group.rules)
    .filter((rule) => 'alert' in rule)
  const runbooks = readdirSync(folder('../../docs/runbooks')).map((name) => name.replace(/\.md$/, ''))
  expect([...new Set(alerts.map((rule) => rule.alert))].sort()).toEqual(runbooks.sort())
  for (const rule of alerts) expect(rule.annotations.runbook).toBe(`docs/runbooks/${rule.alert}.md`)
})

test.each(readdirSync(folder('../../docs/runbooks')))(
  'the runbook %s says what it means, where to look, why, and what to do',
  (name) => {
    const text = readFileSync(folder(`../../docs/runbooks/${name}`), 'utf8')
    const parts = [...text.matchAll(/^\*\*(.+?)\.?\*\*/gm)].map((match) => match[1])
    expect(parts).toEqual(['What it means', 'First three looks', 'Usual causes', 'What to do'])
    expect([...text.matchAll(/^\d\. /gm)]).toHaveLength(3)
  },
)

describe('an objective that is not understood is refused by name', () => {
  const slo = (target: number, duration: string) => `
apiVersion: openslo/v1
kind: SLO
metadata: { name: a-b-1d }
spec:
  service: a
  indicatorRef: a-b
  timeWindow: [{ duration: ${duration}, isRolling: true }]
  objectives: [{ target: ${target} }]
`
  test.each([
    ['a target of 1', slo(1, '1d'), 'x.yaml: a-b-1d needs a target between 0 and 1'],
    ['an indicator that is nowhere', slo(0.9, '1d'), 'x.yaml: a-b-1d needs an indicatorRef'],
    ['another version', 'apiVersion: openslo/v2', 'x.yaml: apiVersion must be openslo/v1'],
  ])('%s', (_name, text, message) => {
    expect(() => parseSlos(text, 'x.yaml')).toThrow(message)
  })
})

test('a looser objective changes rules, dashboards, documents and what the console knows, and nothing of its neighbours', () => {
  const checkout = mkdtempSync(join(tmpdir(), 'linkfleet-looser-'))
  onTestFinished(() => rmSync(checkout, { recursive: true, force: true }))
  for (const path of ['deploy/slo', 'deploy/prometheus/rules'])
    cpSync(folder(`../../${path}`), join(checkout, path), { recursive: true })
  const file = join(checkout, 'deploy/slo/redirect.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('target: 0.999', 'target: 0.99'))
  const before = new Map(generated.map(({ path, text }) => [path, text]))
  const changed = generateFiles(checkout).filter(({ path, text }) => before.get(path) !== text)
  expect(changed.map(({ path }) => path).sort()).toEqual([
    'deploy/grafana/dashboards/redirect.json',
    'deploy/prometheus/rules/slo-redirect.yml',
    'docs/reference/alerts.md',
    'packages/slo/src/generated/objectives.ts',
    'test/load/generated/promised.js',
  ])
  expect(changed.at(-1)?.text).toContain('"target": 0.99,')
  const textOf = (ending: string) => changed.find(({ path }) => path.endsWith(ending))?.text
  // A page at 14.4 times: of a budget ten times as large.
  expect(textOf('slo-redirect.yml')).toContain('> 0.144\n')
  expect(before.get('deploy/prometheus/rules/slo-redirect.yml')).not.toContain('> 0.144\n')
})

test.each([
  'redirect_breaker_open',
  'redirect_clicks_dropped_total',
  'redirect_stale_served_total',
  'redirect_spool_unsent_bytes',
  'redirect_replica_lag_seconds',
  'shortener_outbox_changes',
  'shortener_outbox_oldest_seconds',
  'shortener_code_pool_codes',
  'shortener_watermark_age_seconds',
  'id_generator_blocks_left',
  'id_generator_codes_left',
  'analytics_consumer_lag_records',
  'nodejs_eventloop_lag',
  'runtime_event_loop_utilization_ratio',
  'runtime_postgres_pool_connections',
])('somebody on call finds %s on a dashboard', (metric) => {
  const boards = generated.filter(({ path }) => path.endsWith('.json'))
  expect(boards.filter(({ text }) => text.includes(metric)).map(({ path }) => path)).not.toEqual([])
})

test('every objective is on a dashboard, and the burn rate of each window beside it', () => {
  const boards = generated.filter(({ path }) => path.endsWith('.json')).map(({ text }) => text)
  for (const { id, period } of readSloFolder(folder('../slo'))) {
    const own = boards.filter((text) => text.includes(id))
    expect(own, id).not.toEqual([])
    const isShown = (window: string) => own.some((text) => text.includes(`ratio_rate${window}{`))
    if (period === '1d') for (const window of windowsOf(period)) expect(isShown(window), window).toBe(true)
  }
})

describe('the agreement', () => {
  const text = readFileSync(folder('../slo/sla.yaml'), 'utf8')

  test('promises less than the objectives, so that a page comes before a credit', () => {
    const { promised, services } = readAgreement(folder('../slo'))
    for (const slo of readSloFolder(folder('../slo'))) {
      if (services.includes(slo.service) && slo.indicator.kind === 'ratio')
        expect(slo.target).toBeGreaterThan(promised)
    }
  })

  test.each([
    ['another kind', text.replace('kind: ServiceLevelAgreement', 'kind: SLO'), 'x.yaml: kind must be'],
    ['a promise of more than all', text.replace('promised: 0.995', 'promised: 2'), 'x.yaml needs promised'],
    ['no services', text.replace('[redirect, shortener]', '[]'), 'x.yaml needs services'],
    ['credits that shrink', text.replace('percent: 25', 'percent: 5'), 'x.yaml needs credits that grow'],
    [
      'credits that begin elsewhere',
      text.replace('below: 0.995', 'below: 0.5'),
      'credits that begin at 0.995',
    ],
    ['a credit beyond the fee', text.replace('percent: 100', 'percent: 101'), 'more than the whole fee'],
  ])('%s is refused by name', (_what, changed, message) => {
    expect(() => parseAgreement(changed, 'x.yaml')).toThrow(message)
  })
})
