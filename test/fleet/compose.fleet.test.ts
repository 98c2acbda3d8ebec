/**
 * docker-compose.yml, brought up for real. It needs a Docker engine that answers, Compose v2, and the images (or registries
 * that have them); where one is missing the test is reported as skipped, and its name says why.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePort } from '@linkfleet/local/ports'
import { eventually } from '@linkfleet/testkit/eventually'
import { buildAll, downAll, type IDockerComposeOptions, pullMany, upAll } from 'docker-compose'
import { describe, expect, onTestFinished, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const engines = [
  'postgres-primary',
  'postgres-replica-1',
  'postgres-replica-2',
  'redis',
  'kafka',
  'prometheus',
]
const secret = (): string => randomBytes(24).toString('hex')

const adminKey = secret()
const ports = { redirect: await freePort(), shortener: await freePort(), analytics: await freePort() }
const project = `linkfleet-test-${randomBytes(4).toString('hex')}`
const compose: IDockerComposeOptions = {
  cwd: root,
  composeOptions: ['--project-name', project],
  env: {
    ...process.env,
    POSTGRES_PASSWORD: secret(),
    REPLICATION_PASSWORD: secret(),
    LINKFLEET_IDS_PASSWORD: secret(),
    LINKFLEET_LINKS_PASSWORD: secret(),
    LINKFLEET_CLICKS_PASSWORD: secret(),
    LINKFLEET_REDIRECT_PASSWORD: secret(),
    LINKFLEET_ADMIN_KEY: adminKey,
    LINKFLEET_VERSION: project,
    REDIRECT_PORT: String(ports.redirect),
    SHORTENER_PORT: String(ports.shortener),
    ANALYTICS_PORT: String(ports.analytics),
    CONSOLE_PORT: String(await freePort()),
    PUBLIC_URL: `http://127.0.0.1:${ports.redirect}`,
  },
}

const sentence = (problem: unknown): string => {
  const { err, stderr, message } = problem as { err?: string; stderr?: string; message?: string }
  const lines = (err ?? stderr ?? message ?? String(problem)).trim().split('\n')
  return (lines.at(-1) ?? '').slice(0, 200)
}

/** Why the test cannot run here, or undefined. */
async function obstacle(): Promise<string | undefined> {
  const steps: readonly [string, () => Promise<unknown>][] = [
    ['no Docker engine answers', () => promisify(execFile)('docker', ['info'], { timeout: 20_000 })],
    [
      'there is no Compose v2',
      () => promisify(execFile)('docker', ['compose', 'version'], { timeout: 20_000 }),
    ],
    [
      'images cannot be pulled',
      () => pullMany(engines, { ...compose, commandOptions: ['--policy', 'missing', '--quiet'] }),
    ],
    ['the image cannot be built', () => buildAll(compose)],
  ]
  for (const [what, attempt] of steps) {
    try {
      await attempt()
    } catch (problem) {
      return `${what} (${sentence(problem)})`
    }
  }
  return undefined
}

const why = await obstacle()
if (why !== undefined) console.log(`docker-compose.yml is not brought up here: ${why}`)

describe.skipIf(why !== undefined)(`docker-compose.yml${why === undefined ? '' : `: ${why}`}`, () => {
  test('brings up a fleet that creates, follows and counts', { timeout: 600_000 }, async () => {
    onTestFinished(async () => {
      await downAll({ ...compose, commandOptions: ['--volumes', '--timeout', '20', '--rmi', 'local'] })
    }, 120_000)
    await upAll({ ...compose, commandOptions: ['--wait', '--wait-timeout', '300'] })

    const api = `http://127.0.0.1:${ports.shortener}/api/v1/links`
    const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ url: 'https://example.com/compose?a=b' })
    expect(
      (await fetch(api, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).status,
    ).toBe(401)
    const created = await fetch(api, { method: 'POST', body, headers })
    expect(created.status).toBe(201)
    const link = (await created.json()) as { code: string; shortUrl: string }

    const followed = await fetch(link.shortUrl, { redirect: 'manual' })
    expect([followed.status, followed.headers.get('location')]).toEqual([
      302,
      'https://example.com/compose?a=b',
    ])

    const stats = `http://127.0.0.1:${ports.analytics}/api/v1/links/${link.code}/stats`
    await eventually(
      async () => ((await (await fetch(stats, { headers })).json()) as { total: number }).total === 1,
      {
        withinMs: 30_000,
        everyMs: 250,
      },
    )
  })
})
