import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { startProber } from './prober-http.ts'

async function startFleet(answer: RequestListener) {
  const paths: (string | undefined)[] = []
  const server = createServer((request, response) => {
    paths.push(request.url)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    paths,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What came of the first attempt. */
function firstOutcome(url: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const prober = startProber([url], (_url, outcome) => {
    prober[Symbol.dispose]()
    resolve(outcome)
  })
  // The prober's own timer keeps no process alive; this one waits for it.
  const waiting = setInterval(() => {}, 1_000)
  return promise.finally(() => clearInterval(waiting))
}

test('a link that is there is followed, through the path that is no click', async () => {
  await using fleet = await startFleet((_request, response) => response.writeHead(204).end())
  expect(await firstOutcome(`${fleet.url}/`)).toBe('followed')
  expect(fleet.paths).toEqual(['/.well-known/linkfleet-probe'])
})

test.each([200, 302, 404, 503])('status %d is not as it should be', async (status) => {
  await using fleet = await startFleet((_request, response) => response.writeHead(status).end())
  expect(await firstOutcome(fleet.url)).toBe('refused')
})

test('silence is late, within the second', async () => {
  await using fleet = await startFleet(() => {})
  expect(await firstOutcome(fleet.url)).toBe('late')
})

test('where nobody listens nobody is reached', async () => {
  expect(await firstOutcome('http://127.0.0.1:1')).toBe('unreachable')
})
