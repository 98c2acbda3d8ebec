/** Whether anything listens where a load would go: told before k6 starts, in one sentence, and without a request. */
import { connect } from 'node:net'

const connectWithinMs = 5_000

/** Rejects with the reason. */
function connectTo(url: URL): Promise<void> {
  const usualPort = url.protocol === 'https:' ? 443 : 80
  // A name in brackets is an IPv6 address.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(url.port) || usualPort, timeout: connectWithinMs })
  return new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('timeout', () => reject(new Error(`no answer within ${connectWithinMs / 1000} s`)))
    socket.once('error', (error) => reject(new Error((error as { code?: string }).code ?? error.message)))
  }).finally(() => socket.destroy())
}

/** A sentence for each service that nobody can connect to. */
export async function unreachable(urls: Readonly<Record<string, string>>): Promise<string[]> {
  const looks = Object.entries(urls).map(async ([service, url]) => {
    try {
      await connectTo(new URL(url))
      return []
    } catch (error) {
      return [`${service} is not at ${url} (${(error as Error).message})`]
    }
  })
  return (await Promise.all(looks)).flat()
}
