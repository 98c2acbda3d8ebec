/** `npm run load -- smoke [options]`: a k6 scenario against a fleet. Runs k6 and ends as it ended. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findK6, NoK6 } from './k6.ts'
import { LoadUsageError, readLoadOptions } from './options.ts'

const usage = `npm run load -- smoke [options]
    --base-url URL     redirect                       (of the fleet in --home, else http://localhost:8080)
    --api-url URL      shortener                      (of the fleet in --home, else http://localhost:8081)
    --stats-url URL    analytics                      (of the fleet in --home, else http://localhost:8082)
    --key KEY          an API key of role editor or admin; the fleet of one machine needs none
    --rate N           redirects per second           (20)
    --duration TIME    such as 30s or 2m              (10s)
    --home DIR         a fleet of npm start           (.linkfleet)`

const say = (sentence: string): void => {
  process.stderr.write(`load: ${sentence}\n`)
}

const scenarioFile = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url))

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 0 || args.includes('--help')) {
    process.stdout.write(`${usage}\n`)
    return args.length === 0 ? 2 : 0
  }
  const { scenario, env } = readLoadOptions(args, process.cwd(), (name) => existsSync(scenarioFile(name)))
  const k6 = await findK6(say)
  const flags = ['run', '--no-usage-report', '--quiet', scenarioFile(scenario)]
  const child = spawn(k6, flags, { stdio: 'inherit', env: { ...process.env, ...env } })
  const stop = (signal: NodeJS.Signals) => child.kill(signal)
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof LoadUsageError) {
    say(`${error.message}\n\n${usage}`)
    process.exitCode = 2
  } else {
    say(error instanceof NoK6 || error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
