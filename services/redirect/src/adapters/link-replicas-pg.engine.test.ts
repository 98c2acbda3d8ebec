import { LinkState } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import { silentLogger } from '@linkfleet/runtime/log'
import type { Pool } from '@linkfleet/runtime/postgres'
import { type TestDatabase, testDatabase } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { openTestPool } from '@linkfleet/testkit/test-pool'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenLinkReplicas, openLinkReplicasPg } from './link-replicas-pg.ts'

let database: TestDatabase
let primary: Pool
let replicas: OpenLinkReplicas

beforeAll(async () => {
  database = await testDatabase()
  primary = openTestPool(database.url, { maxConnections: 2, statementTimeoutMs: 5_000 })
  await beat(Date.now())
  replicas = openLinkReplicasPg({
    urls: database.replicaUrls,
    timeoutMs: 2_000,
    clock: Date.now,
    log: silentLogger(),
  })
})
afterAll(async () => {
  await replicas[Symbol.asyncDispose]()
  await primary[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

async function beat(atMs: number): Promise<void> {
  await primary.query({
    text: 'UPDATE links.heartbeat SET beat_at = to_timestamp($1::float8 / 1000), timeline = 7 WHERE id = 1',
    values: [atMs],
  })
}

test('a link is read with the heartbeat of the same snapshot', async () => {
  await primary.query(`
    INSERT INTO links.links (domain_id, code, version, created_version, target_url, expires_at, max_clicks, created_by, created_at, updated_at)
    VALUES (1, 'aB3dE5g', 42, 42, 'https://example.com/', '2030-01-01T00:00:00Z', 9, 'test', now(), now())`)
  const beatAtMs = Date.now()
  await beat(beatAtMs)
  await eventually(async () => {
    const reading = await replicas.read(1, 'aB3dE5g', false)
    expect(reading).toEqual({
      asOfMs: beatAtMs,
      copy: {
        domainId: 1,
        code: 'aB3dE5g',
        version: 42,
        timeline: 7,
        state: LinkState.LIVE,
        targetUrl: 'https://example.com/',
        redirectStatus: 302,
        forwardQuery: false,
        startsAtMs: 0,
        expiresAtMs: Date.UTC(2030, 0, 1),
        maxClicks: 9,
        passwordProtected: false,
        passwordVerifier: '',
      },
    })
  })
})

test('reads that come together get each its own answer, also for codes that are not there', async () => {
  await eventually(() => replicas.canRead(false))
  const codes = ['aB3dE5g', 'nothere', 'aB3dE5g', 'AB3DE5G']
  const readings = await Promise.all(codes.map((code) => replicas.read(1, code, false)))
  expect(readings.map(({ copy }) => copy?.version)).toEqual([42, undefined, 42, undefined])
  expect((await replicas.read(2, 'aB3dE5g', false)).copy).toBeUndefined()
})

test('replicas that are ten seconds behind are read only when lag does not matter', async () => {
  await beat(Date.now() - 60_000)
  await using lagging = openLinkReplicasPg({
    urls: database.replicaUrls,
    timeoutMs: 2_000,
    clock: Date.now,
    log: silentLogger(),
  })
  // The replicas have their own time until they show the beat: 30 s, where a reader is in the way of their replay
  // (max_standby_streaming_delay).
  await eventually(() => lagging.health().every(({ up, beatAtMs }) => up && beatAtMs < Date.now() - 30_000), {
    withinMs: 45_000,
  })
  expect(lagging.canRead(true)).toBe(true)
  expect(lagging.canRead(false)).toBe(false)
  await expect(lagging.read(1, 'aB3dE5g', false)).rejects.toThrow('no replica follows closely')
  expect((await lagging.read(1, 'aB3dE5g', true)).copy?.version).toBe(42)
}, 60_000)

test('a replica that cannot be reached is not read, and the others are', async () => {
  await beat(Date.now())
  await using mixed = openLinkReplicasPg({
    urls: ['postgres://nobody@127.0.0.1:1/none', database.replicaUrls[0]!],
    timeoutMs: 2_000,
    clock: Date.now,
    log: silentLogger(),
  })
  await eventually(() => mixed.canRead(false))
  expect((await mixed.read(1, 'aB3dE5g', false)).copy?.version).toBe(42)
  expect(mixed.health()[0]?.up).toBe(false)
})
