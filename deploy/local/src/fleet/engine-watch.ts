/** Starts an engine again that ended without being asked to, with growing pauses, and says so. */
import type { Engine } from '../engines/engine.ts'
import type { RunningEngines } from '../engines.ts'
import { messageOf } from '../problem.ts'
import { restartPauseMs } from './restart.ts'

const STEADY_AFTER_MS = 60_000

type Events = { changed(): void; say(sentence: string): void }

export function watchEngines(engines: RunningEngines, events: Events): AsyncDisposable {
  const stopping = new AbortController()
  const watches = engines.processes.map((_, index) =>
    watchEngine(engines.processes, index, events, stopping.signal),
  )
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await Promise.all(watches)
    },
  }
}

/** The list is changed in place: whoever stops the engines stops the newest of each. */
async function watchEngine(
  processes: Engine[],
  index: number,
  events: Events,
  stopping: AbortSignal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) =>
    stopping.addEventListener('abort', () => resolve(), { once: true }),
  )
  let failures = 0
  while (!stopping.aborted) {
    const engine = processes[index] as Engine
    const startedAt = Date.now()
    const how = await Promise.race([engine.process.exited, stopped.then(() => undefined)])
    if (how === undefined) return
    if (Date.now() - startedAt > STEADY_AFTER_MS) failures = 0
    failures += 1
    events.changed()
    const pauseMs = restartPauseMs(failures) * 2
    events.say(`${engine.name} ${how}; it is started again in ${pauseMs / 1000} s`)
    await Promise.race([new Promise((resolve) => setTimeout(resolve, pauseMs)), stopped])
    if (stopping.aborted) return
    try {
      processes[index] = await engine.startAgain()
      events.say(`${engine.name} is back`)
    } catch (error) {
      events.say(`${engine.name} did not come back: ${messageOf(error)}`)
    }
    events.changed()
  }
}
