import type { ClientAddress } from '@linkfleet/runtime/client-address'
import type { FastifyRequest } from 'fastify'

/** The address of the client a request comes from, behind whatever trusted proxies. */
export function clientOf({ raw }: FastifyRequest, clientAddress: ClientAddress): string {
  const header = raw.headers['x-forwarded-for']
  // node:http joins repeated headers of this name, yet types say it may not.
  return clientAddress(raw.socket.remoteAddress, Array.isArray(header) ? header.join(',') : header)
}
