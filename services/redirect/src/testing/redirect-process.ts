/** Runs redirect as the process it is, on real engines, with a shortener that knows the links it is told. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Click } from '@linkfleet/contracts/clicks'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { LinkCopy } from '@linkfleet/contracts/generated/linkfleet/links/v1/link'
import {
  LinksService,
  type ReturnClicksRequest,
  type TakeClicksRequest,
} from '@linkfleet/contracts/generated/linkfleet/links/v1/links'
import { encodeLinkChange } from '@linkfleet/contracts/link-changes'
import { grpcService, startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { ensureTopics, openKafka } from '@linkfleet/runtime/kafka'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { testKafkaBrokers, testRedisUrl, uniqueName } from '@linkfleet/testkit/engines'
import { eventually } from '@linkfleet/testkit/eventually'
import { readCountedClicks } from './counted-clicks.ts'

const mainPath = fileURLToPath(new URL('../main.ts', import.meta.url))

export interface TestShortener extends AsyncDisposable {
  readonly address: string
  readonly links: Map<string, LinkCopy>
  readonly asked: { calls: number; readonly codes: string[] }
}

export async function startTestShortener(): Promise<TestShortener> {
  const links = new Map<string, LinkCopy>()
  const asked = { calls: 0, codes: [] as string[] }
  const server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    log: silentLogger(),
    metrics: new Metrics('shortener'),
    protoFiles: ['linkfleet/links/v1/links.proto'],
    services: [
      grpcService(LinksService, {
        checkKey: async () => {
          throw new Error('redirect asks nothing of keys')
        },
        ...clickBudgetsOf(links),
        describeLink: async ({ key }) => {
          if (!links.has(key?.code ?? '')) throw new LinkfleetError('not-found', 'No link has this code.')
          return { title: `Title of <${key?.code}>`, createdAtMs: Date.UTC(2026, 0, 31) }
        },
        resolveLinks: async ({ keys }) => {
          asked.calls += 1
          asked.codes.push(...keys.map(({ code }) => code))
          const found = keys.flatMap(({ code }) => links.get(code) ?? [])
          return { links: found, asOfMs: Date.now(), timeline: 1 }
        },
      }),
    ],
  })
  return {
    address: server.address,
    links,
    asked,
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  }
}

/** Gives out clicks as the shortener does: never more than the limit, and the same lease for the same request. */
function clickBudgetsOf(links: Map<string, LinkCopy>) {
  const taken = new Map<string, number>()
  const leases = new Map<string, number>()
  return {
    takeClicks: async ({ key, requestId, wanted }: TakeClicksRequest) => {
      const { code } = key!
      const link = links.get(code)
      if (link === undefined) throw new LinkfleetError('not-found', 'No link has this code.')
      const left = link.maxClicks - (taken.get(code) ?? 0)
      const id = requestId.toString('hex')
      const granted = leases.get(id) ?? Math.max(0, Math.min(wanted, Math.max(1, left >> 3), left))
      if (wanted > 0 && !leases.has(id)) {
        leases.set(id, granted)
        taken.set(code, (taken.get(code) ?? 0) + granted)
      }
      const now = link.maxClicks - (taken.get(code) ?? 0)
      return {
        granted: wanted === 0 ? 0 : granted,
        left: now,
        limited: link.maxClicks > 0,
        version: link.version,
      }
    },
    returnClicks: async ({ leases: returned }: ReturnClicksRequest) => {
      for (const { key, requestId, unused } of returned) {
        if (!leases.delete(requestId.toString('hex'))) continue
        taken.set(key!.code, (taken.get(key!.code) ?? 0) - unused)
      }
      return {}
    },
  }
}

export interface RedirectProcess {
  readonly url: string
  readonly admin: string
  readonly pid: number
  /** Resolves with the exit status, null after a signal that ends at once. */
  kill(signal: NodeJS.Signals): Promise<number | null>
}

export interface RedirectBench extends AsyncDisposable {
  readonly shortener: TestShortener
  readonly topic: string
  readonly spoolDir: string
  readonly redisKeyPrefix: string
  /** With `command`, a program that becomes the process whose command line follows its own arguments. */
  start(env?: Record<string, string>, command?: readonly string[]): Promise<RedirectProcess>
  /** Tells of a changed link as the shortener's relay does. */
  publishChange(link: LinkCopy): Promise<void>
  /** Every click on the topic, in the order of its partitions, as a reader of marks counts them. */
  countedClicks(): Promise<Click[]>
}

/** A topic, spool folder, key prefix and shortener of a test's own; everything it started ends with it. */
export async function openRedirectBench(partitions = 4): Promise<RedirectBench> {
  await using resources = new AsyncDisposableStack()
  const topic = uniqueName('clicks')
  const prefix = `${uniqueName('redirect')}:`
  const spoolDir = await mkdtemp(join(tmpdir(), 'linkfleet-spool-'))
  resources.defer(async () => await rm(spoolDir, { recursive: true, force: true }))
  const kafka = openKafka({ brokers: testKafkaBrokers(), clientId: 'test', log: silentLogger() })
  const changesTopic = uniqueName('link-changes')
  await ensureTopics(kafka, [
    { topic, partitions },
    { topic: changesTopic, partitions: 1 },
  ])
  const shortener = resources.use(await startTestShortener())
  const children: ChildProcess[] = []
  resources.defer(() => {
    for (const child of children) child.kill('SIGKILL')
  })

  async function start(
    env: Record<string, string> = {},
    command: readonly string[] = [],
  ): Promise<RedirectProcess> {
    const [httpPort, adminPort] = await Promise.all([freePort(), freePort()])
    const [program, ...args] = [...command, process.execPath, mainPath]
    const child = spawn(program!, args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH ?? '',
        HTTP_PORT: String(httpPort),
        ADMIN_PORT: String(adminPort),
        REDIS_URL: testRedisUrl(),
        REDIS_KEY_PREFIX: prefix,
        SHORTENER_ADDRESSES: shortener.address,
        KAFKA_BROKERS: testKafkaBrokers().join(','),
        CLICKS_TOPIC: topic,
        CLICKS_PARTITIONS: String(partitions),
        LINK_CHANGES_TOPIC: changesTopic,
        SPOOL_DIR: spoolDir,
        // Tests ask for many codes that are not there.
        MISS_LIMIT_PER_MINUTE: '0',
        LOG_LEVEL: 'warn',
        ...env,
      },
    })
    children.push(child)
    const admin = `http://127.0.0.1:${adminPort}`
    await eventually(async () => (await fetch(`${admin}/readyz`)).status === 200, { withinMs: 30_000 })
    return {
      url: `http://127.0.0.1:${httpPort}`,
      admin,
      pid: child.pid!,
      async kill(signal) {
        const exited = once(child, 'exit')
        child.kill(signal)
        const [status] = (await exited) as [number | null]
        return status
      },
    }
  }

  const running = resources.move()
  return {
    shortener,
    topic,
    spoolDir,
    redisKeyPrefix: prefix,
    start,
    async publishChange(link) {
      const producer = kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      const { key, value, partition } = encodeLinkChange({ link, asOfMs: Date.now() }, 1)
      await producer.send({ topic: changesTopic, messages: [{ key, value, partition }] })
      await producer.disconnect()
    },
    countedClicks: () => readCountedClicks(testKafkaBrokers(), topic, partitions),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  await delay(0)
  return port
}
