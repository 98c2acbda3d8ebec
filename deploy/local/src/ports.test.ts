import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort, freePortBlock, isPortFree } from './ports.ts'

test('a port that somebody listens on is not free', async () => {
  const port = await freePort()
  expect(await isPortFree(port)).toBe(true)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  expect(await isPortFree(port)).toBe(false)
  server.close()
})

test('a port of an address that this machine has not is neither free nor taken', async () => {
  // RFC 5737: an address for documentation, which no machine has.
  await expect(isPortFree(await freePort(), '192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
})

test('a block of ports is free from its first to its last', async () => {
  const first = await freePortBlock(5)
  for (let port = first; port < first + 5; port++) expect(await isPortFree(port)).toBe(true)
})
