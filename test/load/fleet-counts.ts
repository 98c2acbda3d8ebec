/** Looks at a fleet on this machine: what each instance has counted, what ended ones told, and the clicks of a run's links. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunFile, readRunFile } from '@linkfleet/local/fleet/run-file'
import { readMetricsPage } from '../bench/metrics-page.ts'
import { countOf, type InstanceCount, lastCounts, servedBetween, type Tallied, tallied } from './tally.ts'

export interface FleetCounts {
  readonly home: string
  readonly takenAtMs: number
  readonly instances: readonly InstanceCount[]
}

const isTallied = (name: string): name is Tallied => tallied.some((service) => service === name)

/** undefined: no fleet runs in that home. */
export async function readFleetCounts(home: string): Promise<FleetCounts | undefined> {
  const running: RunFile | undefined = readRunFile(home)
  if (running === undefined) return undefined
  const takenAtMs = Date.now()
  const instances = await Promise.all(
    running.services.flatMap(({ name, instance, admin }) =>
      isTallied(name) ? [readMetricsPage(admin).then((page) => countOf(instance, name, page))] : [],
    ),
  )
  return { home, takenAtMs, instances }
}

/** Requests that the instances of a service served between two looks; null when that cannot be known. */
export function servedBy(service: Tallied, before: FleetCounts, after: FleetCounts): number | null {
  const parts = after.instances
    .filter((instance) => instance.service === service)
    .map((now) => {
      const then = before.instances.find(({ instance }) => instance === now.instance)
      // An instance that was not there before begins at nothing.
      const earlier = then ?? { ...now, requests: 0 }
      return servedBetween(earlier, now, endedBetween(now.instance, before, after))
    })
  if (parts.some((part) => part === null)) return null
  return parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)
}

function endedBetween(instance: string, before: FleetCounts, after: FleetCounts) {
  let log = ''
  try {
    log = readFileSync(join(before.home, 'logs', `${instance}.log`), 'utf8')
  } catch {
    return []
  }
  return lastCounts(log).filter(
    ({ endedAtMs }) => endedAtMs >= before.takenAtMs && endedAtMs <= after.takenAtMs,
  )
}

interface LinkPage {
  readonly links: readonly { readonly clicks: number | null }[]
  readonly nextCursor: string | null
}

/** Clicks of all links that have a tag, as the API tells them. */
export async function clicksOfTag(apiUrl: string, tag: string, key: string | undefined): Promise<number> {
  let clicks = 0
  let cursor: string | null = null
  do {
    const query = new URLSearchParams({ tag, limit: '100', ...(cursor === null ? {} : { cursor }) })
    const response = await fetch(`${apiUrl}/api/v1/links?${query}`, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`the list of links was answered ${response.status}`)
    const page = (await response.json()) as LinkPage
    clicks += page.links.reduce((sum, link) => sum + (link.clicks ?? 0), 0)
    cursor = page.nextCursor
  } while (cursor !== null)
  return clicks
}
