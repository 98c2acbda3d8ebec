/**
 * Where an address could be left behind, none is. Clients with addresses that stand nowhere else do all that clients do;
 * then every byte that the fleet wrote is searched for them: tables, WAL, Kafka, Redis, spools and logs.
 */
import { createHash } from 'node:crypto'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger } from '@linkfleet/runtime/log'
import { openRedis } from '@linkfleet/runtime/redis'
import { eventually } from '@linkfleet/testkit/eventually'
import { type Fleet, readAdminKey, readRunFile } from '@linkfleet/testkit/fleet'
import { call, createLink, readStats, untilCounted } from '@linkfleet/testkit/fleet-client'
import { freePortBase } from '@linkfleet/testkit/free-ports'
import { runLauncher } from '@linkfleet/testkit/launcher'
import { temporaryHome } from '@linkfleet/testkit/temporary-home'
import { afterAll, beforeAll, expect, test } from 'vitest'

const ipv4 = '203.113.57.241'
const ipv6 = '2001:db8:5e17:91e1::7a3c'
const ipv6Network = '2001:db8:5e17:91e1'
/** Stands in the same requests, and must be found: a search that finds nothing anywhere proves nothing. */
const marker = 'privacy-marker.example'

let home: string
let fleet: Fleet

beforeAll(async () => {
  home = await temporaryHome('privacy')
  const portBase = await freePortBase()
  const where = ['--home', home, '--port-base', String(portBase)]
  const started = await runLauncher(['start', '--detach', ...where], { TRUSTED_PROXIES: '127.0.0.1,::1' })
  if (started.status !== 0) throw new Error(started.output)
  const at = (distance: number) => `http://localhost:${portBase + distance}`
  fleet = { home, portBase, redirectUrl: at(0), shortenerUrl: at(1), analyticsUrl: at(2), consoleUrl: at(3) }
})

afterAll(async () => {
  await runLauncher(['stop', '--home', home])
  await rm(home, { recursive: true, force: true, maxRetries: 5 })
})

/** Every form in which an address might be written down, by name. */
function tracesOf(address: string): [string, Buffer][] {
  const digests = ['sha256', 'sha1', 'md5'].flatMap((algorithm): [string, Buffer][] => {
    const digest = createHash(algorithm).update(address).digest()
    return [
      [`${algorithm} of ${address}`, digest],
      [`${algorithm} of ${address} in hex`, Buffer.from(digest.toString('hex'))],
      // Long enough to be no accident, short enough to find a digest that was cut.
      [`${algorithm} of ${address} in base64`, Buffer.from(digest.toString('base64').slice(0, 20))],
      [`${algorithm} of ${address} in base64url`, Buffer.from(digest.toString('base64url').slice(0, 20))],
    ]
  })
  return [[address, Buffer.from(address)], ...digests]
}

const ipv6Bytes = Buffer.from('20010db85e1791e10000000000007a3c', 'hex')
const traces: [string, Buffer][] = [
  ...tracesOf(ipv4),
  ...tracesOf(ipv6),
  ...tracesOf(`${ipv6Network}::/64`),
  ['the network in text', Buffer.from(ipv6Network)],
  ['the network in bytes', ipv6Bytes.subarray(0, 8)],
  ['the network in hex', Buffer.from(ipv6Bytes.toString('hex', 0, 8))],
]

interface Found {
  readonly traces: string[]
  readonly markerFiles: string[]
}

const chunkBytes = 4 * 1024 * 1024
/** Chunks overlap by more than the longest of what is looked for. */
const overlapBytes = 256

async function searchFile(path: string, found: Found): Promise<void> {
  const file = await open(path, 'r')
  try {
    const chunk = Buffer.alloc(chunkBytes)
    for (let at = 0; ; at += chunkBytes - overlapBytes) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, at)
      const bytes = chunk.subarray(0, bytesRead)
      for (const [name, trace] of traces) {
        if (bytes.includes(trace)) found.traces.push(`${name} in ${path}`)
      }
      if (bytes.includes(marker)) found.markerFiles.push(path)
      if (bytesRead < chunkBytes) return
    }
  } finally {
    await file.close()
  }
}

async function searchFolder(folder: string): Promise<Found> {
  const found: Found = { traces: [], markerFiles: [] }
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    await searchFile(join(entry.parentPath, entry.name), found).catch((cause: NodeJS.ErrnoException) => {
      // Segments, WAL and the like are removed while the fleet runs.
      if (cause.code !== 'ENOENT') throw cause
    })
  }
  return found
}

/** All that a client can do, with success and without. */
async function visit(address: string, code: string): Promise<void> {
  const from = {
    'x-forwarded-for': address,
    forwarded: `for="${address}"`,
    referer: `https://${marker}/page`,
  }
  const urls = [
    `${fleet.redirectUrl}/${code}`,
    `${fleet.redirectUrl}/${code}+`,
    `${fleet.redirectUrl}/nothing-${marker}`,
    `${fleet.redirectUrl}/%zz`,
    `${fleet.redirectUrl}/`,
    `${fleet.shortenerUrl}/api/v1/links`,
    `${fleet.shortenerUrl}/api/v1/links/nothing`,
    `${fleet.analyticsUrl}/api/v1/links/${code}/stats`,
    `${fleet.analyticsUrl}/api/v1/stats/summary?interval=wrong`,
    `${fleet.consoleUrl}/`,
  ]
  for (const url of urls) {
    for (const method of ['GET', 'HEAD', 'POST']) {
      const response = await call(method, url, method === 'POST' ? { url: 'no url' } : undefined, from)
      await response.arrayBuffer()
    }
  }
}

test('the address of a client is found nowhere in what the fleet wrote', async () => {
  const { code } = await createLink(fleet, { url: 'https://example.com/privacy' })
  const gone = await createLink(fleet, { url: 'https://example.com/gone' })
  const credential = { authorization: `Bearer ${await readAdminKey(home)}` }
  await call('DELETE', `${fleet.shortenerUrl}/api/v1/links/${gone.code}`, undefined, credential)
  for (const address of [ipv4, ipv6]) {
    await visit(address, code)
    await visit(address, gone.code)
  }
  // While the spool has it all.
  const early = await searchFolder(join(home, 'spool'))
  expect(early.traces).toEqual([])
  expect(early.markerFiles).not.toEqual([])

  await untilCounted(fleet, code, 2, 30_000)
  const stats = (await readStats(fleet, code)) as unknown as Record<string, unknown>
  // The header was believed, or both would be one.
  expect(stats.uniqueVisitors).toBe(2)
  expect(stats.referrers).toEqual([{ name: marker, clicks: 2 }])

  await searchRunning()
  const stopped = await runLauncher(['stop', '--home', home])
  expect(stopped.status, stopped.output).toBe(0)
  const found = await searchFolder(home)
  expect(found.traces).toEqual([])
  for (const part of ['kafka', 'pg_wal', 'base']) {
    expect(
      found.markerFiles.some((path) => path.includes(part)),
      part,
    ).toBe(true)
  }
})

/** What may lie compressed in a file is searched as the engine tells it. */
async function searchRunning(): Promise<void> {
  const { engines } = await readRunFile(home)
  const redis = engines.find(({ name }) => name.startsWith('redis'))
  if (redis === undefined) throw new Error('The fleet has a Redis of its own.')
  const told = await tellOfRedis(redis.url)
  for (const [name, trace] of traces) expect(told.includes(trace), `${name} in Redis`).toBe(false)
  expect(told.includes('example.com/privacy')).toBe(true)
}

/** Every key with its value, as bytes. */
async function tellOfRedis(url: string): Promise<Buffer> {
  await using connection = openRedis({ url, name: 'test', commandTimeoutMs: 5_000, log: silentLogger() })
  const { client } = connection
  await eventually(() => connection.state() === 'up', { withinMs: 10_000 })
  const told: Buffer[] = []
  for await (const keys of client.scanBufferStream() as AsyncIterable<Buffer[]>) {
    for (const key of keys) {
      told.push(key)
      const type = await client.type(key)
      if (type === 'hash') told.push(...Object.values(await client.hgetallBuffer(key)))
      else if (type === 'string') told.push((await client.getBuffer(key)) ?? Buffer.alloc(0))
      else if (type !== 'none') throw new Error(`Nobody looks into a ${type} yet.`)
    }
  }
  return Buffer.concat(told.flatMap((part) => [part, Buffer.from('\n')]))
}
