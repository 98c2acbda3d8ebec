/**
 * When a request arrived, as well as a process can know it. A request that comes while the event loop is busy waits in
 * the kernel, where nothing of ours sees it; measured from its handler, a process that stands still would look fast.
 *
 * Method: each turn of the loop polls once. When the poll had to wait (`idleTime` grew), nothing was readable before,
 * so all that it brought came when it returned. When it had not, what it brought may have come as early as the
 * previous poll returned, since that one would have brought it otherwise. A poll returns no earlier than the end of the
 * turn before plus the time it waited. Counting from there gives an upper bound: a visitor never waited longer than
 * what is measured, but for a connection that stood in the accept queue behind others for more than one turn. A new
 * connection is accepted in one turn and read in the next; its first request counts from the former.
 *
 * An immediate without a reference ends each turn and never starts one. The phases of a turn:
 * https://docs.libuv.org/en/v1.x/design.html#the-i-o-loop
 */
import { performance } from 'node:perf_hooks'

export interface LoopTimes {
  readonly nowMs: () => number
  /** How long the loop has waited in its poll since it began. */
  readonly idleMs: () => number
}

/** What is known of a turn at its end. */
export interface EndedTurn {
  /** The earliest moment at which what it brought can have arrived. */
  readonly arrivedMs: number
  readonly endedMs: number
  /** How often somebody asked in it when a request had arrived. */
  readonly requests: number
}

export class TurnClock {
  readonly #times: LoopTimes
  readonly #watchers = new Set<(turn: EndedTurn) => void>()
  #endedMs: number
  #idleMs: number
  /** Of the turn before this one. */
  #polledMs: number
  /** Of this turn, once somebody asked. */
  #arrivedMs: number | undefined
  #hasWaited = false
  #requests = 0
  #accepted: Map<object, number> | undefined
  #acceptedBefore: Map<object, number> | undefined

  constructor(times: LoopTimes) {
    this.#times = times
    this.#endedMs = times.nowMs()
    this.#polledMs = this.#endedMs
    this.#idleMs = times.idleMs()
  }

  /** The earliest moment at which what this turn brought can have arrived, in milliseconds of the process's clock. */
  arrivedMs(socket?: object): number {
    this.#requests += 1
    const arrivedMs = this.#arrivedMs ?? this.#look()
    if (this.#acceptedBefore === undefined || this.#hasWaited || socket === undefined) return arrivedMs
    return this.#acceptedBefore.get(socket) ?? arrivedMs
  }

  /** Notes a new connection, whose first request may have come with it. */
  accepted(socket: object): void {
    this.#accepted ??= new Map()
    this.#accepted.set(socket, this.#arrivedMs ?? this.#look())
  }

  /** Calls `watcher` at the end of each turn. */
  watch(watcher: (turn: EndedTurn) => void): Disposable {
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => this.#watchers.delete(watcher) }
  }

  /** To be called when all that a poll brought has been handled. */
  endTurn(): void {
    const endedMs = this.#times.nowMs()
    const idleMs = this.#times.idleMs()
    this.#polledMs = this.#endedMs + (idleMs - this.#idleMs)
    const arrivedMs = this.#arrivedMs ?? this.#polledMs
    const requests = this.#requests
    this.#endedMs = endedMs
    this.#idleMs = idleMs
    this.#arrivedMs = undefined
    this.#requests = 0
    this.#acceptedBefore = this.#accepted
    this.#accepted = undefined
    for (const watcher of this.#watchers) watcher({ arrivedMs, endedMs, requests })
  }

  #look(): number {
    const waitedMs = this.#times.idleMs() - this.#idleMs
    this.#hasWaited = waitedMs > 0
    this.#arrivedMs = this.#hasWaited ? this.#endedMs + waitedMs : this.#polledMs
    return this.#arrivedMs
  }
}

let ofThisLoop: TurnClock | undefined

/** The clock of this thread's loop, which runs from the first call on. */
export function turnClock(): TurnClock {
  if (ofThisLoop !== undefined) return ofThisLoop
  const clock = new TurnClock({
    nowMs: () => performance.now(),
    idleMs: () => performance.nodeTiming.idleTime,
  })
  const endTurn = () => {
    clock.endTurn()
    setImmediate(endTurn).unref()
  }
  setImmediate(endTurn).unref()
  ofThisLoop = clock
  return clock
}
