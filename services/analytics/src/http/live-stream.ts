/** One stream of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
import type { ServerResponse } from 'node:http'
import { liveCount } from '../domain/statistics/live-count.ts'
import type { LiveReading, LiveStream, Watched } from '../ports.ts'

const headers = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store, no-transform',
  // Proxies of the nginx family would hold events back.
  'x-accel-buffering': 'no',
}
/** Shorter than the minute after which proxies take a silent connection for dead. */
const heartbeatMs = 15_000
/** A client that has read nothing for so long is let go. */
const stalledMsMax = 30_000
/** Then the client comes back, is authorized anew, and may find another instance. */
const lifeMsMax = 300_000
const retryMs = 2_000

export interface LiveStreamOptions {
  readonly watched: Watched
  readonly lastTotal: number | undefined
  readonly now: () => number
}

/**
 * Writes the head, then events. Nothing is written while the client has not read what it was sent: totals go on
 * growing meanwhile, and the next event tells all of it, so a slow reader costs no memory.
 */
export function openLiveStream(response: ServerResponse, options: LiveStreamOptions): LiveStream {
  const { watched, lastTotal, now } = options
  const count = liveCount(lastTotal)
  const openedMs = now()
  let wroteMs = openedMs
  response.writeHead(200, headers)
  response.write(`retry: ${retryMs}\n\n`)

  /** Clients of a stopping instance, or of one age, do not all come back at once. */
  function end(): void {
    if (response.writableEnded || response.destroyed) return
    response.end(`retry: ${Math.round(retryMs / 4 + Math.random() * retryMs)}\n\n`)
  }

  function tick(reading: LiveReading | undefined): void {
    const nowMs = now()
    if (response.writableNeedDrain) {
      if (nowMs - wroteMs > stalledMsMax) response.destroy()
      return
    }
    const event = reading === undefined ? undefined : count.next(reading.humans + reading.bots, nowMs)
    if (reading !== undefined && event !== undefined)
      response.write(textOf(event.total, event.delta, reading))
    else if (nowMs - wroteMs >= heartbeatMs) response.write(':\n\n')
    else if (nowMs - openedMs < lifeMsMax) return
    wroteMs = nowMs
    if (nowMs - openedMs >= lifeMsMax) end()
  }

  return { watched, tick, end }
}

function textOf(total: number, delta: number, { humans, bots, asOfMs }: LiveReading): string {
  const asOf = asOfMs === null ? null : new Date(asOfMs).toISOString()
  return `id: ${total}\ndata: ${JSON.stringify({ total, delta, humans, bots, asOf })}\n\n`
}
