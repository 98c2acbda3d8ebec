/** Redirect with everything on, and the bare servers beside it; how load is put on them and what it cost is measured. */
import { setTimeout as delay } from 'node:timers/promises'
import { clicksPartitionCountDefault } from '@linkfleet/contracts/clicks'
import { findWrk } from '@linkfleet/local/programs/wrk'
import { eventually } from '@linkfleet/testkit/eventually'
import { runClosedLoad } from './closed-load.ts'
import { generateLinks, readCodes } from './generated-links.ts'
import { getRequest, randomGets } from './http-connections.ts'
import { readMetricsPage, sumOf } from './metrics-page.ts'
import { cpuSecondsOf } from './process-times.ts'
import type { ServiceProcess } from './service-process.ts'
import { commonEnv, type Stage } from './stage.ts'
import { runWrk } from './wrk.ts'

export interface RedirectFixture {
  readonly stage: Stage
  /** In the order in which they are measured; redirect is the last. */
  readonly servers: readonly ServiceProcess[]
  readonly redirect: ServiceProcess
  readonly shortener: ServiceProcess
  readonly clicksTopic: string
  readonly paths: readonly string[]
  /** Other links, together more than memory holds. */
  readonly fillers: readonly string[]
  /** Ends these servers, and starts others like them over the same links and the same topic, with a spool of their own. */
  restart(): Promise<RedirectFixture>
}

/** Their targets are long, so that 64 MiB hold some 110,000 and a bench need not visit half a million. */
const fillersCount = 125_000
const fillerQuery = `?${'q'.repeat(399)}`

export async function openRedirectFixture(
  stage: Stage,
  links: number,
  fillers = fillersCount,
): Promise<RedirectFixture> {
  const { engines, say, signal } = stage
  const database = await engines.openDatabase()
  const client = await stage.openClient(database)
  await generateLinks({ client, from: 0, count: links, say, signal })
  if (fillers > 0) {
    await generateLinks({ client, from: links, count: links + fillers, query: fillerQuery, say, signal })
  }
  const all = (await readCodes(client, links + fillers)).map((code) => `/${code}`)
  const paths = all.slice(0, links)
  const clicksTopic = await engines.openTopic('clicks', clicksPartitionCountDefault)
  const env = commonEnv(stage, await engines.openTopic('link-changes', 12))
  // It beats the heart that tells redirect how fresh its copies are. No codes are made, so no generator runs.
  const shortener = await stage.start({
    program: 'shortener',
    core: 'other',
    env: { ...env, DATABASE_URL: database.url, ID_GENERATOR_ADDRESSES: '127.0.0.1:9' },
  })
  let spools = 0
  const startRedirect = () =>
    stage.start({
      program: 'redirect',
      core: 'measured',
      env: {
        ...env,
        DATABASE_REPLICA_URLS: database.replicaUrls.join(','),
        SHORTENER_ADDRESSES: shortener.grpcAddress,
        CLICKS_TOPIC: clicksTopic,
        SPOOL_DIR: `${stage.home}/spool-${++spools}`,
      },
    })
  // The first start after a change compiles sources, and its compiler stays in memory: every later one finds them compiled.
  await (await startRedirect()).stop()
  const open = async (): Promise<RedirectFixture> => {
    const bareHttp = await stage.start({ program: 'bare-http', core: 'measured' })
    const bareFastify = await stage.start({ program: 'bare-fastify', core: 'measured' })
    const redirect = await startRedirect()
    const servers = [bareHttp, bareFastify, redirect]
    return {
      stage,
      servers,
      redirect,
      shortener,
      clicksTopic,
      paths,
      fillers: all.slice(links),
      async restart() {
        await Promise.all(servers.map((server) => server.stop()))
        signal.throwIfAborted()
        return await open()
      },
    }
  }
  return await open()
}

export interface Slice {
  readonly answered: number
  readonly failed: number
  readonly seconds: number
  readonly cpuSeconds: number
}

/** How the load is made, for the report, and its making. */
export interface RedirectLoad {
  readonly sentence: string
  /** For so long, over these paths. The cost of redirect includes the sending of the clicks, to the last. */
  run(
    fixture: RedirectFixture,
    server: ServiceProcess,
    paths: readonly string[],
    seconds: number,
  ): Promise<Slice>
}

export async function chooseLoad(stage: Stage): Promise<RedirectLoad> {
  const { connections } = stage.options
  const found = await findWrk({ progress: () => stage.say('fetching wrk'), signal: stage.signal })
  const wrk = 'missing' in found ? undefined : found
  const once = async (port: number, paths: readonly string[], seconds: number) => {
    const common = { port, connections, seconds, signal: stage.signal }
    if (wrk !== undefined) return await runWrk({ ...common, program: wrk, paths, folder: stage.home })
    return await runClosedLoad({ ...common, status: 302, nextRequest: randomGets(paths) })
  }
  return {
    sentence:
      'missing' in found
        ? `Load by Node (no wrk: ${found.missing}): it may itself be the limit of requests/s, not of those per CPU second. ${connections} connections.`
        : `Load by wrk ${found.version}, ${found.origin}; ${connections} connections, one thread.`,
    async run(fixture, server, paths, seconds) {
      const before = cpuSecondsOf(server.pid)
      const { answered, failed, seconds: took } = await once(server.port, paths, seconds)
      if (server === fixture.redirect) await untilSent(fixture)
      return { answered, failed, seconds: took, cpuSeconds: cpuSecondsOf(server.pid) - before }
    },
  }
}

const visitSecondsMax = 120

/** Follows each of the links once: all that are measured, or those that fill memory. */
export async function visitAll(
  { stage }: RedirectFixture,
  server: ServiceProcess,
  paths: readonly string[],
): Promise<Slice> {
  const before = cpuSecondsOf(server.pid)
  let visited = 0
  const load = await runClosedLoad({
    port: server.port,
    connections: stage.options.connections,
    seconds: visitSecondsMax,
    status: 302,
    nextRequest: () => {
      const path = paths[visited++]
      return path === undefined ? undefined : getRequest(path)
    },
    signal: stage.signal,
  })
  return { ...load, cpuSeconds: cpuSecondsOf(server.pid) - before }
}

export interface FullMemory {
  readonly visits: Slice
  readonly links: number
  readonly bytes: number
  readonly evictions: number
}

/** Follows links until memory holds as many as it may. */
export async function fillMemory(fixture: RedirectFixture): Promise<FullMemory> {
  const { redirect, fillers } = fixture
  const visits = await visitAll(fixture, redirect, fillers)
  await untilSent(fixture)
  const page = await readMetricsPage(redirect.adminUrl)
  const cache = (name: string) => sumOf(page, `redirect_memory_cache_${name}`)
  return { visits, links: cache('links'), bytes: cache('bytes'), evictions: cache('evictions') }
}

const pollMs = 150
/**
 * Clicks wait for others for 250 ms, and a report of what is unsent is up to 100 ms old: a page of metrics, which costs redirect
 * some milliseconds, would tell nothing before.
 */
const firstPollMs = 400

/** Waits until Kafka has acknowledged every click: twice none unsent, since a report is up to 100 ms old. */
export async function untilSent({ redirect, stage }: RedirectFixture): Promise<void> {
  let calm = 0
  await delay(firstPollMs, undefined, { signal: stage.signal })
  await eventually(
    async () => {
      const page = await readMetricsPage(redirect.adminUrl)
      calm = sumOf(page, 'redirect_spool_unsent_bytes') === 0 ? calm + 1 : 0
      return calm >= 2
    },
    { withinMs: 120_000, everyMs: pollMs, signal: stage.signal },
  )
}
