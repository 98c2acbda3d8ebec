/** What a bare `node:http` server does on the measured core: absolute numbers of two machines compare only beside it. */
import { findWrk } from '@linkfleet/local/programs/wrk'
import { runClosedLoad } from './closed-load.ts'
import { getRequest } from './http-connections.ts'
import { cpuSecondsOf } from './process-times.ts'
import { formatNumber } from './report.ts'
import type { Stage } from './stage.ts'
import { runWrk } from './wrk.ts'

const warmUpSeconds = 1
const measuredSeconds = 3
const connections = 64
const path = '/calibration'
/** Requests a second of that server on the machine that the targets were written on. */
const whereTargetsWereWritten = '63,000 to 78,000'

/** For the notes of a report. Takes some 5 s, before anything else is measured. */
export async function tellMachineSpeed(stage: Stage): Promise<string> {
  const { say, signal, home } = stage
  say('measuring the machine by a bare server')
  const found = await findWrk({ progress: () => say('fetching wrk'), signal })
  const server = await stage.start({ program: 'bare-http', core: 'measured' })
  const load = async (seconds: number) => {
    const common = { port: server.port, connections, seconds, signal }
    if (!('missing' in found)) return await runWrk({ ...common, program: found, paths: [path], folder: home })
    return await runClosedLoad({ ...common, status: 302, nextRequest: () => getRequest(path) })
  }
  await load(warmUpSeconds)
  const before = cpuSecondsOf(server.pid)
  const { answered, seconds } = await load(measuredSeconds)
  const cpuSeconds = cpuSecondsOf(server.pid) - before
  await server.stop()
  const rate = formatNumber(answered / seconds)
  const each = formatNumber((cpuSeconds / answered) * 1e6)
  const by = 'missing' in found ? 'Node, which may be the limit' : 'wrk'
  return `The machine: a bare node:http server on the measured core answered ${rate} requests/s, ${each} µs of CPU each (load by ${by}); where the targets were written it answered ${whereTargetsWereWritten}.`
}
