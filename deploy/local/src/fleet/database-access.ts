/**
 * Prepares the database: schemas, and for each service a user of its own. The passwords are new with each start and
 * live in the environment of the services only. A database that the environment names is used with the user it came
 * with, since there may be no right to make others.
 */

import { randomBytes } from 'node:crypto'
import { migrate, setLoginUsers } from '@linkfleet/postgres/migrate'
import { ensureProbeLink } from '@linkfleet/postgres/probe-link'
import { loginUserOf, type ServiceRole } from '@linkfleet/postgres/roles'
import { DATABASE } from '../engines/postgres-query.ts'
import type { RunningEngines } from '../engines.ts'
import type { Addresses, ServiceName } from './plan.ts'

const roles: Partial<Record<ServiceName, ServiceRole>> = {
  'id-generator': 'linkfleet_ids',
  shortener: 'linkfleet_links',
  redirect: 'linkfleet_redirect',
  analytics: 'linkfleet_clicks',
}

type DatabaseAccess = Pick<Addresses, 'databaseUrls' | 'replicaUrls'>

export async function prepareDatabase(
  engines: RunningEngines,
  say: (sentence: string) => void,
): Promise<DatabaseAccess> {
  await migrate({ databaseUrl: engines.databaseUrl, log: say })
  await ensureProbeLink(engines.databaseUrl)
  const access: DatabaseAccess = { databaseUrls: {}, replicaUrls: {} }
  const { postgres } = engines
  const names = Object.keys(roles) as ServiceName[]
  if (!postgres) {
    for (const name of names) {
      access.databaseUrls[name] = engines.databaseUrl
      access.replicaUrls[name] = engines.databaseReplicaUrls
    }
    return access
  }
  const passwords: Partial<Record<ServiceRole, string>> = {}
  for (const role of Object.values(roles)) passwords[role] = randomBytes(18).toString('base64url')
  await setLoginUsers({ databaseUrl: engines.databaseUrl, passwords })
  const members = postgres.members.map(({ port }) => `127.0.0.1:${port}`)
  const replicas = engines.databaseReplicaUrls.map((url) => new URL(url).host)
  return accessTo({ members, replicas }, passwords)
}

/** Exported for its test. */
export function accessTo(
  hosts: { members: string[]; replicas: string[] },
  passwords: Partial<Record<ServiceRole, string>>,
): DatabaseAccess {
  const access: DatabaseAccess = { databaseUrls: {}, replicaUrls: {} }
  for (const [name, role] of Object.entries(roles) as [ServiceName, ServiceRole][]) {
    const url = (host: string) => `postgres://${loginUserOf(role)}:${passwords[role]}@${host}/${DATABASE}`
    access.databaseUrls[name] = url(hosts.members.join(','))
    // Its blocks may run only so far ahead of whoever can be promoted: in time that is any member, the primary of now too.
    const followed = name === 'id-generator' ? hosts.members : hosts.replicas
    access.replicaUrls[name] = followed.map(url)
  }
  return access
}
