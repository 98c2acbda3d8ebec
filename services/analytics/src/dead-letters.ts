/**
 * Looks at the messages that were set aside, and replays them once this version of the code can read them:
 *
 *   npm run analytics -- dead-letters list
 *   npm run analytics -- dead-letters replay all | ID…
 *
 * or this file by itself with DATABASE_URL in the environment. `list` shows the newest 1,000; `all` are all there are,
 * the oldest first. Exit status 1 when a message that was asked for stays, of all also when one came meanwhile.
 */
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import {
  allDeadLetterIds,
  countDeadLetters,
  listDeadLetters,
  replayDeadLetter,
} from './adapters/rollups/dead-letters-pg.ts'
import { createUserAgentClassifier } from './adapters/user-agents.ts'

const usage = 'Usage: npm run analytics -- dead-letters list | replay all | replay ID…'

process.exitCode = await main(process.argv.slice(2), process.env.DATABASE_URL ?? '')

async function main([command, ...ids]: string[], databaseUrl: string): Promise<number> {
  const isList = command === 'list' && ids.length === 0
  const isReplay = command === 'replay' && ids.length > 0 && ids.every((id) => /^(?:all|\d{1,15})$/.test(id))
  if (databaseUrl === '' || !(isList || isReplay)) {
    console.error(usage)
    return 64
  }
  await using pool = openPool({
    url: databaseUrl,
    name: 'analytics-dead-letters',
    maxConnections: 1,
    statementTimeoutMs: 30_000,
    connectTimeoutMs: 5_000,
    log: silentLogger(),
  })
  return isList ? await list(pool) : await replay(pool, ids)
}

async function list(pool: Pool): Promise<number> {
  for (const { id, partition, offset, reason, bytes, setAsideAt } of await listDeadLetters(pool)) {
    const where = `partition ${partition} offset ${offset}`
    console.log(`${id}  ${setAsideAt.toISOString()}  ${where}  ${reason}  ${bytes} bytes`)
  }
  return 0
}

async function replay(pool: Pool, asked: readonly string[]): Promise<number> {
  const isAll = asked.includes('all')
  const classify = createUserAgentClassifier()
  const sums = { tried: 0, counted: 0, clicks: 0, unreadable: 0 }
  for await (const id of isAll ? allDeadLetterIds(pool) : asked.map(Number)) {
    const outcome = await replayDeadLetter(pool, id, Date.now(), classify)
    sums.tried++
    if (outcome.kind === 'counted') {
      console.log(`${id}  ${outcome.clicks} clicks are counted`)
      sums.counted++
      sums.clicks += outcome.clicks
    }
    if (outcome.kind === 'missing') console.log(`${id}  is not there`)
    if (outcome.kind === 'unreadable') {
      console.log(`${id}  stays: it cannot be read (${outcome.reason})`)
      sums.unreadable++
    }
  }
  const left = await countDeadLetters(pool)
  const counted = `${sums.counted} counted with ${sums.clicks} clicks`
  console.log(`${sums.tried} tried, ${counted}, ${sums.unreadable} unreadable; ${left} are left`)
  return sums.unreadable > 0 || (isAll && left > 0) ? 1 : 0
}
