/** What a person reads once everything is ready. */
import type { FleetOptions } from './options.ts'
import { adminKeyFile, isLoopback, type ServiceName, shownUrl } from './plan.ts'
import type { Fleet } from './supervisor.ts'
import { formatTable } from './table.ts'

export function startedMessage(fleet: Fleet, options: FleetOptions, tookMs: number): string {
  const port = (name: ServiceName) => fleet.instances.find(({ service }) => service === name)?.httpPort
  const here = (name: ServiceName) => shownUrl(options.host, port(name) ?? 0)
  const engines = formatTable(
    ['engine', 'version', 'from', 'address'],
    fleet.rows.map(({ name, version, origin, url }) => [name, version, origin, url]),
  )
  // Without a key only this machine may create links, and at another address it is not known as this machine.
  const keyFile = adminKeyFile(options.home)
  const key = isLoopback(options.host) ? '' : ` -H "authorization: Bearer $(cat '${keyFile}')"`
  const curl = `curl -s -X POST ${here('shortener')}/api/v1/links${key} -H 'content-type: application/json' -d '{"url":"https://example.com/a?b=c"}'`
  return `
${engines}

  Ready in ${(tookMs / 1000).toFixed(1)} s.

  Console      ${fleet.loginUrl}
               (this login works once, within ten minutes)
  Short URLs   ${options.publicUrl}/…
  API          ${here('shortener')}/api/v1   statistics ${here('analytics')}/api/v1
  Admin key    ${keyFile}
  Logs         ${options.home}/logs/

  Try          ${curl}

  Ctrl-C stops everything and keeps the data.
`
}
