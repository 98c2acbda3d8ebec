/** Are the ports of a fleet free, and if not, which port base would work? */
import { isPortFree } from '../ports.ts'
import { LocalFleetError, messageOf } from '../problem.ts'
import type { FleetOptions } from './options.ts'
import { planPorts } from './plan.ts'

const STEP = 100
const TRIES_MAX = 200
/** The fleet's highest port then stays below those that the kernel gives to clients, from 32,768. */
const HIGHEST_BASE = 21_700

export async function requireFreePorts(options: FleetOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const taken = await takenPorts(options, env)
  if (taken.length === 0) return
  const base = await findPortBase(options, env)
  const which = taken.length === 1 ? `Port ${taken[0]} is in use` : `${listSome(taken)} are in use`
  throw new LocalFleetError(
    base === undefined
      ? `${which}, and no other --port-base was found whose ports are all free.`
      : `${which}: start with --port-base ${base}, whose ports are all free.`,
  )
}

const SHOWN_MAX = 4

function listSome(ports: number[]): string {
  const shown = ports.slice(0, SHOWN_MAX).join(', ')
  return `Ports ${shown}${ports.length > SHOWN_MAX ? ` and ${ports.length - SHOWN_MAX} more` : ''}`
}

async function takenPorts(options: FleetOptions, env: NodeJS.ProcessEnv): Promise<number[]> {
  const taken: number[] = []
  for (const { port, host } of planPorts(options, env)) {
    const free = await isPortFree(port, host).catch((error) => {
      throw new LocalFleetError(whyUnusable(error, port, host))
    })
    if (!free) taken.push(port)
  }
  return taken
}

function whyUnusable(error: NodeJS.ErrnoException, port: number, host: string): string {
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN')
    return `--host ${host} is no address of this machine.`
  return `Port ${port} of ${host} cannot be listened on: ${messageOf(error)}.`
}

async function findPortBase(options: FleetOptions, env: NodeJS.ProcessEnv): Promise<number | undefined> {
  let base = options.portBase
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    base = base + STEP > HIGHEST_BASE ? 10_000 : base + STEP
    if ((await takenPorts({ ...options, portBase: base }, env)).length === 0) return base
  }
  return undefined
}
