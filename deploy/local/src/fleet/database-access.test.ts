import { expect, test } from 'vitest'
import { accessTo } from './database-access.ts'

const hosts = { members: ['h:1', 'h:2', 'h:3'], replicas: ['h:2', 'h:3'] }
const hostsOf = (urls: string[] | undefined) => urls?.map((url) => new URL(url).host)

test('id-generator watches every member, since an old primary comes back as a replica that can be promoted', () => {
  expect(hostsOf(accessTo(hosts, {}).replicaUrls['id-generator'])).toEqual(hosts.members)
})

test('who only reads is told of the replicas alone, and each service has a user of its own', () => {
  const access = accessTo(hosts, { linkfleet_redirect: 'secret' })
  expect(hostsOf(access.replicaUrls.redirect)).toEqual(hosts.replicas)
  expect(access.replicaUrls.redirect?.every((url) => url.includes(':secret@'))).toBe(true)
  expect(new Set(Object.values(access.databaseUrls)).size).toBe(4)
})
