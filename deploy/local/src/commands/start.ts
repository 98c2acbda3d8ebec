/** `npm start`: the fleet in the foreground until Ctrl-C, or in the background once it is ready. */
import { logFileOf } from '../engines/engine.ts'
import { FetchProgress } from '../fleet/fetch-progress.ts'
import { type FleetOptions, readStartOptions } from '../fleet/options.ts'
import { showLogs } from '../fleet/show-logs.ts'
import { startedMessage } from '../fleet/started-message.ts'
import { type Fleet, superviseFleet, type Telling } from '../fleet/supervisor.ts'
import { onLauncherGone } from '../launcher-pipe.ts'
import { LocalFleetError } from '../problem.ts'
import { startDetached } from './start-detached.ts'

/** Ctrl-C reaches us from the terminal and again from the launcher: only a later one is a second wish. */
const SAME_WISH_MS = 1_000

export async function start(args: string[], checkout: string): Promise<number> {
  const options = readStartOptions(args, checkout)
  if (options.detach) return startDetached(args, options, checkout)
  const wish = listenForStop()
  using progress = new FetchProgress(process.stdout)
  const startedAt = Date.now()
  let fleet: Fleet
  try {
    fleet = await superviseFleet(checkout, options, tellOn(progress), wish.signal)
  } catch (error) {
    if (!wish.signal.aborted) throw error
    console.log('linkfleet: stopped before it was ready')
    return 1
  }
  console.log(startedMessage(fleet, options, Date.now() - startedAt))
  using _logs = openLogs(fleet, options)
  announceReady()
  await wish.stopped
  console.log('linkfleet: stopping, services first…')
  await fleet[Symbol.asyncDispose]()
  console.log('linkfleet: stopped. Everything is kept; start again at any time.')
  return 0
}

/** In the background nobody reads along: the logs have their own files. */
function openLogs({ instances }: Fleet, { home, showLogs: level }: FleetOptions): Disposable {
  if (level === 'none' || process.send !== undefined) return { [Symbol.dispose]() {} }
  const files = instances.map(({ name }) => logFileOf(home, name))
  return showLogs(files, { level, colorize: process.stdout.isTTY }, (text) => console.log(text))
}

function tellOn(progress: FetchProgress): Telling {
  const line = (text: string) => {
    progress.clear()
    console.log(text)
  }
  return {
    say: (sentence) => line(`linkfleet: ${sentence}`),
    engineReady: ({ name, version, origin }) => line(`  ${name} ${version} ${origin}`),
    fetching: progress.begin,
  }
}

function listenForStop(): { signal: AbortSignal; stopped: Promise<void> } {
  const controller = new AbortController()
  let wishedAt = 0
  const stop = () => {
    if (wishedAt > 0 && Date.now() - wishedAt > SAME_WISH_MS) {
      console.error('linkfleet: asked twice; ending at once')
      // Services and engines see our end of their pipes close and stop by themselves.
      process.exit(130)
    }
    if (wishedAt === 0) wishedAt = Date.now()
    controller.abort(new LocalFleetError('The start was interrupted.'))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  onLauncherGone(() => {
    wishedAt = Date.now()
    stop()
  })
  const stopped = new Promise<void>((resolve) => {
    // A pending promise does not keep a process alive; this timer does.
    const alive = setInterval(() => {}, 60_000)
    controller.signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
  return { signal: controller.signal, stopped }
}

/** Whoever started us in the background waits for this line on the channel. */
function announceReady(): void {
  process.send?.('ready')
  if (process.connected) process.disconnect()
}
