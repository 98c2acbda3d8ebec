/** Each scenario is one that k6 itself can read, with thresholds from deploy/slo. Building k6, where it is not, takes minutes. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { slos } from '@linkfleet/slo/generated/objectives'
import { beforeAll, expect, test } from 'vitest'
import { findK6 } from './k6.ts'

const folder = import.meta.dirname
const scenarios = readdirSync(folder).filter((name) => name.endsWith('.js'))

interface Inspected {
  readonly scenarios: Readonly<Record<string, { readonly executor: string; readonly exec?: string }>>
  readonly thresholds: Readonly<Record<string, readonly unknown[]>> | null
}

let k6 = ''
beforeAll(async () => {
  k6 = await findK6(() => {})
})

async function inspect(file: string): Promise<Inspected> {
  const flags = ['inspect', '-e', 'RATE=30', '-e', 'DURATION=90s', '-e', 'LINKS=10']
  const { stdout } = await promisify(execFile)(k6, [...flags, join(folder, file)], { timeout: 60_000 })
  return JSON.parse(stdout) as Inspected
}

test('the scenarios are those that are promised', () => {
  expect(scenarios.sort()).toEqual(['breakpoint.js', 'smoke.js', 'soak.js', 'spike.js', 'steady.js'])
})

test.each(scenarios)('k6 reads %s: arrivals at a rate, whatever the fleet answers', async (file) => {
  const { scenarios: inspected } = await inspect(file)
  expect(Object.keys(inspected).length).toBeGreaterThan(0)
  for (const { executor } of Object.values(inspected)) expect(executor).toMatch(/arrival-rate$/)
})

test.each(['smoke.js', 'steady.js', 'soak.js'])('%s passes when the objectives hold', async (file) => {
  const { thresholds } = await inspect(file)
  for (const { service, target, period, indicator } of slos) {
    if (period !== '1d' || indicator.kind !== 'ratio') continue
    expect(thresholds?.[`good_${service}`]).toEqual([`rate>=${target}`])
  }
})

test('the threshold of a spike is the bound of the objectives', async () => {
  const bounds = slos.flatMap(({ indicator }) =>
    indicator.kind === 'ratio' ? [indicator.thresholdSeconds * 1000] : [],
  )
  const { thresholds } = await inspect('spike.js')
  expect(thresholds).toEqual({
    'http_req_duration{expected_response:true}': [`p(99)<=${Math.max(...bounds)}`],
  })
})
