// A port on this machine through which an engine is reached, so that a test can take the engine away and bring it back.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Forwarder extends AsyncDisposable {
  /** The target's URL, by way of the forwarder. */
  readonly url: string
  open(): Promise<void>
  /** Refuses new connections and breaks those that stand. */
  close(): Promise<void>
}

/** Starts closed. */
export async function createForwarder(targetUrl: string): Promise<Forwarder> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  const port = await freePort()

  function forward(inbound: Socket): void {
    const outbound = connect(Number(target.port), target.hostname)
    for (const [socket, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }

  async function close(): Promise<void> {
    const closing = server
    server = undefined
    for (const socket of sockets) socket.destroy()
    if (closing !== undefined) await new Promise((resolve) => closing.close(resolve))
  }

  const through = new URL(targetUrl)
  through.host = `127.0.0.1:${port}`
  return {
    url: through.href,
    async open() {
      server = createServer(forward).listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await new Promise((resolve) => probe.close(resolve))
  return port
}
