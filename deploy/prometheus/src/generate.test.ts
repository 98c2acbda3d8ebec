import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { generateRuleFiles } from './generate.ts'
import { burnPolicies, type RuleGroup, windowsOf } from './rules.ts'
import { parseSlos, readSloFolder } from './slo.ts'

const folder = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const generated = generateRuleFiles(folder('../slo'))

test.each(generated)('$path is what deploy/slo says', ({ path, text }) => {
  expect(readFileSync(folder(path), 'utf8')).toBe(text)
})

test('no generated file outlives its objective', () => {
  const files = readdirSync(folder('rules')).filter((name) => name.startsWith('slo-'))
  expect(files.map((name) => `rules/${name}`).sort()).toEqual(generated.map(({ path }) => path).sort())
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
  for (const { path, text } of generated) {
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
