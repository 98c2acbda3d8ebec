import { StatsService } from '@linkfleet/contracts/generated/linkfleet/clicks/v1/stats'
import { type GrpcListening, grpcService, startGrpcServer } from '@linkfleet/runtime/grpc-server'
import { silentLogger } from '@linkfleet/runtime/log'
import { Metrics } from '@linkfleet/runtime/metrics'
import { eventually } from '@linkfleet/testkit/eventually'
import { expect, test } from 'vitest'
import { VisitorSalts } from '../domain/visitor-salts.ts'
import { openVisitorSaltsGrpc, type VisitorSaltsOptions } from './visitor-salts-grpc.ts'

const nowMs = Date.UTC(2026, 5, 15, 12)
const salt = { dayStartMs: Date.UTC(2026, 5, 15), salt: Buffer.alloc(32, 1) }

/** The analytics side of the contract. */
function startStats(port: number): Promise<GrpcListening> {
  return startGrpcServer({
    host: '127.0.0.1',
    port,
    protoFiles: ['linkfleet/clicks/v1/stats.proto'],
    log: silentLogger(),
    metrics: new Metrics('stats'),
    services: [
      grpcService(StatsService, {
        getTotals: () => Promise.reject(new Error('redirect asks nothing of the kind')),
        getVisitorSalts: async () => ({ salts: [salt] }),
      }),
    ],
  })
}

/** Where analytics was and is no more. */
async function silentPort(): Promise<number> {
  const stats = await startStats(0)
  await stats[Symbol.asyncDispose]()
  return stats.port
}

function openSalts(port: number, options: Partial<VisitorSaltsOptions> = {}) {
  const salts = new VisitorSalts()
  const keeper = openVisitorSaltsGrpc({
    addresses: [`127.0.0.1:${port}`],
    salts,
    clock: () => nowMs,
    failed: () => {},
    metrics: new Metrics('redirect'),
    ...options,
  })
  if (keeper === undefined) throw new Error('There is an address to ask.')
  return { salts, keeper }
}

test('a fleet whose analytics comes up last has the salts when it is settled, and soon', async () => {
  const port = await silentPort()
  let failures = 0
  const { salts, keeper } = openSalts(port, {
    graceMs: 60_000,
    failed: () => {
      failures += 1
    },
  })
  await using _keeper = keeper
  await eventually(() => expect(failures).toBeGreaterThan(2), { withinMs: 20_000 })
  expect(salts.at(nowMs)).toBeUndefined()
  expect(keeper.state()).toBe('down')

  await using _stats = await startStats(port)
  await keeper.settled
  expect(salts.at(nowMs)).toBeDefined()
  await eventually(() => expect(keeper.state()).toBe('up'), { withinMs: 5_000 })
})

test('without analytics it is settled after the grace, knowing no salt', async () => {
  const { salts, keeper } = openSalts(await silentPort(), { graceMs: 50 })
  await using _keeper = keeper
  await keeper.settled
  expect(salts.at(nowMs)).toBeUndefined()
})

test('salts outlive the analytics that gave them', async () => {
  const stats = await startStats(0)
  const { salts, keeper } = openSalts(stats.port, { everyMs: 20 })
  await using _keeper = keeper
  await keeper.settled
  await stats[Symbol.asyncDispose]()
  await eventually(() => expect(keeper.state()).toBe('down'), { withinMs: 20_000 })
  expect(salts.at(nowMs)).toBeDefined()
})
