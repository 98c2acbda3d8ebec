/** Ports of 127.0.0.1 that nobody listens on: single ones and blocks in a row. */
import { createServer } from 'node:net'

/** A port the kernel says is free. Another process may take it before you do; bind soon. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('the kernel gave no port')
  return address.port
}

/** Rejects when the host is no address of this machine. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  const server = createServer()
  const free = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    server.listen({ host, port, exclusive: true }, () => resolve(true))
  })
  if (free) await new Promise((resolve) => server.close(resolve))
  return free
}

/** Where blocks are looked for: below the ports that the kernel gives to clients, from 32,768. */
export const blockRange = { lowest: 25_000, highest: 32_700 }

/** The first of `count` free ports in a row. */
export async function freePortBlock(count: number, random: () => number = Math.random): Promise<number> {
  const { lowest } = blockRange
  const highest = blockRange.highest - count
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = lowest + Math.floor(random() * (highest - lowest))
    if (await isBlockFree(first, count)) return first
  }
  throw new Error(`found no ${count} free ports in a row between ${lowest} and ${highest + count}`)
}

async function isBlockFree(first: number, count: number): Promise<boolean> {
  for (let port = first; port < first + count; port++) {
    if (!(await isPortFree(port))) return false
  }
  return true
}
