/**
 * What an operator does by hand, as the owner of schema `ids` (DATABASE_URL names them; the primary is found):
 *
 *   node services/id-generator/src/operator.ts advance --by 10000000   after a restore to an earlier point in time
 *   node services/id-generator/src/operator.ts rotate-key              later codes come from a new key
 *
 * Both may be run while generators work. Exit status 0 when it is done, 1 when the database refused or was away, 2 when
 * the command was not understood.
 */
import { parseArgs } from 'node:util'
import { silentLogger } from '@linkfleet/runtime/log'
import { openPool, type Pool } from '@linkfleet/runtime/postgres'

/** Two thousand million values: a tenth of a per cent of what a shard has, and far more than any restore loses. */
const advanceMax = 2_000_000_000
const usage = `usage: node services/id-generator/src/operator.ts advance --by VALUES | rotate-key
  advance     moves every shard past VALUES (1 to ${advanceMax}) that it may have handed out since the point in time
              to which the database was restored
  rotate-key  makes a new key; codes that are out stay as they are, and no code comes again`

type Command = (pool: Pool) => Promise<string>

/** The command, or undefined when `args` are none. */
function readCommand(args: readonly string[]): Command | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { by: { type: 'string' } },
      allowPositionals: true,
    })
    const by = Number(values.by)
    const isCount = /^\d+$/.test(values.by ?? '') && by >= 1 && by <= advanceMax
    if (positionals.join(' ') === 'advance' && isCount) return (pool) => advance(pool, by)
    if (positionals.join(' ') === 'rotate-key' && values.by === undefined) return rotateKey
  } catch {
    // An option that does not exist is no command either.
  }
  return undefined
}

async function advance(pool: Pool, by: number): Promise<string> {
  await pool.query({ text: 'SELECT ids.advance_shards($1)', values: [by] })
  const { rows } = await pool.query<{ lowest: number }>('SELECT min(next_value) AS lowest FROM ids.shards')
  return `every shard is moved forward by ${by}; the lowest counter is now ${rows[0]?.lowest}`
}

async function rotateKey(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ version: number }>('SELECT ids.rotate_key() AS version')
  return `later codes come from key ${rows[0]?.version}`
}

async function main(args: readonly string[], databaseUrl: string | undefined): Promise<void> {
  const command = readCommand(args)
  if (command === undefined || !databaseUrl) {
    process.stderr.write(command === undefined ? `${usage}\n` : 'DATABASE_URL is not set.\n')
    process.exitCode = 2
    return
  }
  const bounds = { maxConnections: 1, statementTimeoutMs: 30_000, connectTimeoutMs: 5_000 }
  await using pool = openPool({
    url: databaseUrl,
    name: 'id-generator operator',
    ...bounds,
    log: silentLogger(),
  })
  try {
    process.stdout.write(`${await command(pool)}\n`)
  } catch (error) {
    process.stderr.write(`nothing was changed: ${(error as Error).message}\n`)
    process.exitCode = 1
  }
}

await main(process.argv.slice(2), process.env.DATABASE_URL)
