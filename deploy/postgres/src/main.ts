/**
 * `node deploy/postgres/src/main.ts`: migrates the database of DATABASE_URL, makes sure of the link that the
 * prober follows, then makes login users for the roles whose
 * password is in the environment: LINKFLEET_IDS_PASSWORD, LINKFLEET_LINKS_PASSWORD, LINKFLEET_CLICKS_PASSWORD,
 * LINKFLEET_REDIRECT_PASSWORD.
 */
import { migrate, setLoginUsers } from './migrate.ts'
import { ensureProbeLink } from './probe-link.ts'
import { serviceRoles } from './roles.ts'

const say = (message: string): void => {
  process.stdout.write(`${message}\n`)
}

async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const databaseUrl = env.DATABASE_URL
  if (!databaseUrl)
    throw new Error('DATABASE_URL is not set: give the primary, as a user that may create schemas.')
  const { applied } = await migrate({ databaseUrl, log: say })
  if (applied.length === 0) say('the database is up to date')
  await ensureProbeLink(databaseUrl)

  const given = serviceRoles.flatMap((role) => {
    const password = env[`${role.toUpperCase()}_PASSWORD`]
    return password ? [[role, password] as const] : []
  })
  if (given.length === 0) return
  await setLoginUsers({ databaseUrl, passwords: Object.fromEntries(given) })
  say(`login users are set for ${given.map(([role]) => role).join(', ')}`)
}

try {
  await main(process.env)
} catch (error) {
  process.stderr.write(`migration failed: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
