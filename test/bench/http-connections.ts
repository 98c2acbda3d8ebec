/** Keep-alive connections for load: one request at a time on each, as a browser's or a balancer's are. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type HttpAnswer, HttpAnswers } from './http-answers.ts'

export interface HttpConnection {
  /** Sends one whole request. Only when the one before was answered or has failed. */
  send(request: string, settled: (answer: HttpAnswer | undefined) => void): void
  readonly isOpen: boolean
}

export interface HttpConnections extends Disposable {
  readonly all: readonly HttpConnection[]
}

export async function openHttpConnections(port: number, count: number): Promise<HttpConnections> {
  const opened = await Promise.all(Array.from({ length: count }, () => open(port)))
  return {
    all: opened.map(({ connection }) => connection),
    [Symbol.dispose]() {
      for (const { socket } of opened) socket.destroy()
    },
  }
}

async function open(port: number): Promise<{ socket: Socket; connection: HttpConnection }> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect', { signal: AbortSignal.timeout(10_000) })
  let waiting: ((answer: HttpAnswer | undefined) => void) | undefined
  const settle = (answer: HttpAnswer | undefined) => {
    const settled = waiting
    waiting = undefined
    settled?.(answer)
  }
  const answers = new HttpAnswers(settle)
  socket.on('data', (chunk: Buffer) => {
    try {
      answers.push(chunk)
    } catch {
      socket.destroy()
    }
  })
  // A connection that ends leaves its request without an answer: a failed one.
  socket.on('error', () => {})
  socket.on('close', () => settle(undefined))
  return {
    socket,
    connection: {
      send(request, settled) {
        waiting = settled
        if (socket.destroyed) settle(undefined)
        else socket.write(request, 'latin1')
      },
      get isOpen() {
        return !socket.destroyed
      },
    },
  }
}

/** What a browser sends, short of the headers no server of the fleet reads. */
export const browserHeaders = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'accept-language': 'en-GB,en;q=0.8',
} as const

export function getRequest(path: string): string {
  return bodilessRequest('GET', path)
}

/** Gives a GET of one of these paths at each call, each as likely as any other. */
export function randomGets(paths: readonly string[]): () => string {
  const requests = paths.map(getRequest)
  return () => requests[Math.floor(Math.random() * requests.length)] as string
}

/** A HEAD is no click. Only for answers whose Content-Length is 0: of others the body would be waited for. */
export function headRequest(path: string): string {
  return bodilessRequest('HEAD', path)
}

function bodilessRequest(method: string, path: string): string {
  const headers = Object.entries(browserHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${headers.join('')}\r\n`
}

export function postRequest(path: string, body: string): string {
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n`
  return `${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
