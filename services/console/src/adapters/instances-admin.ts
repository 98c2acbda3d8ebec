import { boundedFetch } from '@linkfleet/runtime/bounded-fetch'
import type { InstanceAddress, InstanceAnswer, Instances } from '../ports.ts'

const timeoutMs = 1_500
const answerBytesMax = 4 * 1024 * 1024
const statusesOfPage: Readonly<Record<string, readonly number[]>> = {
  '/readyz': [200, 503],
  '/metrics': [200],
}

/** Asks the private port of every instance, all at once. */
export function createInstancesAdmin(addresses: readonly InstanceAddress[]): Instances {
  async function page(adminUrl: string, path: '/readyz' | '/metrics'): Promise<string | null> {
    try {
      const call = { method: 'GET', headers: {}, timeoutMs, answerBytesMax }
      const answer = await boundedFetch(`${adminUrl}${path}`, call)
      return statusesOfPage[path]?.includes(answer.status) ? answer.body : null
    } catch {
      // Not answering is an answer: the page shows this instance as silent.
      return null
    }
  }

  async function ask(address: InstanceAddress): Promise<InstanceAnswer> {
    const [readiness, metrics] = await Promise.all([
      page(address.adminUrl, '/readyz'),
      page(address.adminUrl, '/metrics'),
    ])
    return { address, readiness, metrics }
  }

  return { askAll: async () => await Promise.all(addresses.map(ask)) }
}

/** Reads `service=adminUrl`. Throws an Error that names the entry that is not one. */
export function instanceAddressesOf(entries: readonly string[]): readonly InstanceAddress[] {
  return entries.map((entry) => {
    const at = entry.indexOf('=')
    const adminUrl = entry.slice(at + 1).replace(/\/+$/, '')
    if (at < 1 || URL.parse(adminUrl) === null) {
      throw new Error(`FLEET_ADMIN_URLS: "${entry}" is not service=adminUrl.`)
    }
    return { service: entry.slice(0, at), adminUrl }
  })
}
