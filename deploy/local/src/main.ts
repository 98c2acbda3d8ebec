/** The real program behind the launcher: one word, its arguments, one way to fail. */
import { fileURLToPath } from 'node:url'
import { explainProblem, LocalFleetError } from './problem.ts'

export type Command = (args: string[], checkout: string) => Promise<number>

const checkout = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

const commands: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./commands/start.ts')).start,
  status: async () => (await import('./commands/status.ts')).status,
  stop: async () => (await import('./commands/stop.ts')).stop,
  demo: async () => (await import('./commands/demo.ts')).demo,
  test: async () => (await import('./commands/test.ts')).test,
  check: async () => (await import('./commands/check.ts')).check,
  bench: async () => (await import('./commands/measure.ts')).bench,
  load: async () => (await import('./commands/measure.ts')).load,
  slo: async () => (await import('./commands/slo.ts')).slo,
  analytics: async () => (await import('./commands/analytics.ts')).analytics,
}

const [name = '', ...args] = process.argv.slice(2)
try {
  const load = commands[name]
  if (!load) throw new LocalFleetError(`There is no command "${name}".`)
  const command = await load()
  process.exitCode = await command(args, checkout)
} catch (error) {
  console.error(`linkfleet: ${explainProblem(error)}`)
  if (!(error instanceof LocalFleetError) && process.env.LOG_LEVEL === 'debug') console.error(error)
  process.exitCode = 1
}
// Open connections of a client library must not keep a finished command alive.
process.exit()
