/**
 * Whether an engine answers, asked as its own protocol begins: a process that is frozen is there and does not. No
 * login is needed, so anyone who may see the fleet may ask.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

/** PostgreSQL 18, 54.2.11: a server answers an SSLRequest with one byte. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
/** Kafka protocol guide: ApiVersions (key 18), version 0, correlation id 1, no client id. */
const apiVersions = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 255, 255])

function greetingOf(name: string): Buffer {
  if (name.startsWith('pg-')) return sslRequest
  if (name.startsWith('kafka')) return apiVersions
  if (name === 'redis') return Buffer.from('PING\r\n')
  return Buffer.from('GET /-/ready HTTP/1.0\r\n\r\n')
}

/** `url` is an address with a host and a port, with or without a scheme. Never throws. */
export async function doesEngineAnswer(name: string, url: string, withinMs: number): Promise<boolean> {
  const [, host = '', port = ''] = /^(?:[a-z]+:\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+):(\d+)/i.exec(url) ?? []
  if (port === '') return false
  const socket = connect(Number(port), host.replace(/^\[|\]$/g, ''))
  try {
    socket.write(greetingOf(name))
    await once(socket, 'data', { signal: AbortSignal.timeout(withinMs) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
