/** A TCP proxy before a real engine that can be cut, frozen, or made to lose an answer. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy extends AsyncDisposable {
  /** The URL of the engine, through the proxy. */
  readonly url: string
  /** Ends every connection and refuses new ones. */
  cut(): void
  /** Accepts connections and lets nothing through. */
  freeze(): void
  /** Freezes as soon as client data holds `text`. */
  freezeAt(text: string): void
  /** Lets everything through, answers later by so much. */
  slowDown(delayMs: number): void
  restore(): void
  /**
   * From client data that holds `text` on a connection gets no answer: the first one that has sent `after` before, since
   * others go on meanwhile with work of their own.
   */
  loseAnswerTo(text: string, after: string): void
}

export async function openTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  let mode: 'open' | 'cut' | 'frozen' = 'open'
  let lostAnswer: { readonly text: string; readonly after: string } | undefined
  let freezingText: string | undefined
  let delayMs = 0

  const server = createServer((client) => {
    if (mode === 'cut') return client.destroy()
    const upstream = connect(Number(target.port), target.hostname)
    let isMute = false
    let isMeant = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => {
      if (lostAnswer !== undefined) {
        isMeant ||= chunk.includes(lostAnswer.after)
        if (isMeant && chunk.includes(lostAnswer.text)) {
          isMute = true
          lostAnswer = undefined
        }
      }
      if (freezingText !== undefined && chunk.includes(freezingText)) {
        mode = 'frozen'
        freezingText = undefined
      }
      if (mode === 'open') upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (mode !== 'open' || isMute) return
      // Timers of one length keep their order.
      if (delayMs > 0) setTimeout(() => client.write(chunk), delayMs)
      else client.write(chunk)
    })
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(targetUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)

  function endAll(): void {
    for (const socket of sockets) socket.destroy()
  }

  return {
    url: url.href,
    cut() {
      mode = 'cut'
      endAll()
    },
    freeze() {
      mode = 'frozen'
    },
    freezeAt(text) {
      freezingText = text
    },
    slowDown(ms) {
      delayMs = ms
    },
    restore() {
      delayMs = 0
      freezingText = undefined
      // What a frozen engine swallowed is lost; its connections are of no use any more.
      endAll()
      mode = 'open'
    },
    loseAnswerTo(text, after) {
      lostAnswer = { text, after }
    },
    async [Symbol.asyncDispose]() {
      endAll()
      server.close()
      await once(server, 'close')
    },
  }
}
