/** What a person reads once everything is ready. */
import type { FleetOptions } from './options.ts'
import { adminKeyFile, type ServiceName } from './plan.ts'
import type { Fleet } from './supervisor.ts'
import { formatTable } from './table.ts'

export function startedMessage(fleet: Fleet, options: FleetOptions, tookMs: number): string {
  const port = (name: ServiceName) => fleet.instances.find(({ service }) => service === name)?.httpPort
  const here = (name: ServiceName) => `http://localhost:${port(name)}`
  const engines = formatTable(
    ['engine', 'version', 'from', 'address'],
    fleet.rows.map(({ name, version, origin, url }) => [name, version, origin, url]),
  )
  const curl = `curl -s -X POST ${here('shortener')}/api/v1/links -H 'content-type: application/json' -d '{"url":"https://example.com/a?b=c"}'`
  return `
${engines}

  Ready in ${(tookMs / 1000).toFixed(1)} s.

  Console      ${fleet.loginUrl}
               (this login works once, within ten minutes)
  Short URLs   ${options.publicUrl}/…
  API          ${here('shortener')}/api/v1   statistics ${here('analytics')}/api/v1
  Admin key    ${adminKeyFile(options.home)}
  Logs         ${options.home}/logs/

  Try          ${curl}

  Ctrl-C stops everything and keeps the data.
`
}
