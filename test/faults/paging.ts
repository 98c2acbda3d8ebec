/** What somebody on call sees of a fleet: the alerts of its own Prometheus, and the console's SLO page. */
import type { Fleet } from '@linkfleet/testkit/fleet'
import { readAdminKey, readRunFile } from '@linkfleet/testkit/fleet'
import { call } from '@linkfleet/testkit/fleet-client'

export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
  /** Of the evaluation at which its condition became true. */
  readonly activeAt: string
}

async function askPrometheus<T>(fleet: Fleet, path: string): Promise<T> {
  const { engines } = await readRunFile(fleet.home)
  const prometheus = engines.find(({ name }) => name === 'prometheus')
  if (prometheus === undefined) throw new Error('The fleet has no Prometheus.')
  const response = await call('GET', `${prometheus.url}/api/v1/${path}`)
  const body = (await response.json()) as { status: string; data: T }
  if (body.status !== 'success') throw new Error(`Prometheus answered ${JSON.stringify(body)}`)
  return body.data
}

export async function activeAlerts(fleet: Fleet): Promise<readonly ActiveAlert[]> {
  return (await askPrometheus<{ alerts: ActiveAlert[] }>(fleet, 'alerts')).alerts
}

/** undefined: there is no such series yet. */
export async function prometheusValue(fleet: Fleet, query: string): Promise<number | undefined> {
  type Vector = { result: { value: [number, string] }[] }
  const { result } = await askPrometheus<Vector>(fleet, `query?query=${encodeURIComponent(query)}`)
  return result[0] === undefined ? undefined : Number(result[0].value[1])
}

/** A login that works once. */
export async function loginUrl(fleet: Fleet): Promise<string> {
  const authorization = `Bearer ${await readAdminKey(fleet.home)}`
  const response = await call('POST', `${fleet.shortenerUrl}/api/v1/login-tokens`, {}, { authorization })
  const { token } = (await response.json()) as { token: string }
  return `${fleet.consoleUrl}/login?token=${token}`
}
