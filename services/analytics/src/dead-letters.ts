/**
 * Looks at the messages that were set aside, and replays them once this version of the code can read them:
 *
 *   npm run analytics -- dead-letters list
 *   npm run analytics -- dead-letters replay all | ID…
 *
 * or this file by itself with DATABASE_URL in the environment. Exit status 1 when any message stays unreadable.
 */
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'
import { listDeadLetters, replayDeadLetter } from './adapters/dead-letters-pg.ts'
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
  const ids = asked.includes('all')
    ? (await listDeadLetters(pool)).map(({ id }) => id).reverse()
    : asked.map(Number)
  const classify = createUserAgentClassifier()
  let unreadable = 0
  for (const id of ids) {
    const outcome = await replayDeadLetter(pool, id, Date.now(), classify)
    if (outcome.kind === 'counted') console.log(`${id}  ${outcome.clicks} clicks are counted`)
    if (outcome.kind === 'missing') console.log(`${id}  is not there`)
    if (outcome.kind === 'unreadable') {
      console.log(`${id}  stays: it cannot be read (${outcome.reason})`)
      unreadable++
    }
  }
  return unreadable > 0 ? 1 : 0
}
