import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { doesEngineAnswer } from './engine-health.ts'

async function listen(answers: boolean) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (answers) socket.once('data', () => socket.end('+PONG\r\n'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `redis://user@127.0.0.1:${(server.address() as AddressInfo).port}/0` }
}

test('an engine that answers is up, whatever stands around its host and port', async () => {
  const { server, url } = await listen(true)
  expect(await doesEngineAnswer('redis', url, 5_000)).toBe(true)
  server.close()
})

test('one that takes the connection and says nothing, as a frozen one does, is not', async () => {
  const { server, url } = await listen(false)
  expect(await doesEngineAnswer('redis', url, 100)).toBe(false)
  server.close()
  expect(await doesEngineAnswer('kafka-1', '127.0.0.1:1', 1_000)).toBe(false)
  expect(await doesEngineAnswer('pg-1', 'nowhere', 1_000)).toBe(false)
})
