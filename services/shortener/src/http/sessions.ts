/** One-time login tokens become sessions: how a browser gets in without ever seeing a key. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import { credentialOf } from '@linkfleet/runtime/anonymous-loopback'
import { shortened } from '@linkfleet/runtime/http'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { roles } from '../domain/credentials.ts'
import type { Api } from './api.ts'
import { answers, security } from './link-json.ts'

const Role = Type.Enum([...roles])
const Expiry = Type.Union([Type.String({ format: 'date-time' }), Type.Null()])

const NewToken = Type.Object({ role: Type.Optional(Role) }, { additionalProperties: false })
const loginTokenSchema = {
  summary: 'Make a one-time login token',
  description: 'Valid for ten minutes, for one session. Without a role it is of role admin.',
  tags: ['access'],
  security,
  response: answers({ 201: Type.Object({ token: Type.String(), expiresAt: Expiry }) }, 400, 401, 403, 503),
}

const Exchange = Type.Object(
  { token: Type.String({ minLength: 1, maxLength: 512 }) },
  { additionalProperties: false },
)
const SessionJson = Type.Object({ session: Type.String(), role: Role, expiresAt: Expiry })
const openSchema = {
  summary: 'Exchange a login token for a session',
  tags: ['access'],
  body: Exchange,
  response: answers({ 201: SessionJson }, 400, 401, 415, 503),
}

const currentSchema = {
  summary: 'Who is calling',
  tags: ['access'],
  security,
  response: answers(
    { 200: Type.Object({ subject: Type.String(), role: Role, expiresAt: Expiry }) },
    401,
    503,
  ),
}

const closeSchema = {
  summary: 'End the session',
  tags: ['access'],
  security,
  response: answers({ 204: Type.Null({ description: 'Ended' }) }, 401, 503),
}

const isoOf = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

export function sessionRoutes(server: FastifyInstance, api: Api): void {
  server.post<{ Body: Static<typeof NewToken> | undefined }>(
    '/api/v1/login-tokens',
    { schema: loginTokenSchema },
    async (request, reply) => {
      const caller = await api.authorize(request, 'administer')
      const role = roleOf(request.body)
      const { token, expiresAtMs } = await api.credentials.createLoginToken(
        role,
        `login by ${caller.subject}`,
      )
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ token, expiresAt: isoOf(expiresAtMs) })
    },
  )

  server.post<{ Body: Static<typeof Exchange> }>(
    '/api/v1/sessions',
    { schema: openSchema },
    async (request, reply) => {
      const opened = await api.credentials.openSession(request.body.token)
      if (opened === undefined) {
        const detail = 'The login token is unknown, spent or expired.'
        throw new LinkfleetError('unauthenticated', detail, { field: 'token' })
      }
      const { session, caller } = opened
      reply.code(201).header('cache-control', 'no-store')
      return { session, role: caller.role, expiresAt: isoOf(caller.expiresAtMs) }
    },
  )

  server.get('/api/v1/sessions/current', { schema: currentSchema }, async (request, reply) => {
    const { subject, role, expiresAtMs } = await api.authorize(request, 'read')
    reply.header('cache-control', 'no-store')
    return { subject, role, expiresAt: isoOf(expiresAtMs) }
  })

  server.delete('/api/v1/sessions/current', { schema: closeSchema }, async (request, reply) => {
    await api.authorize(request, 'read')
    await api.credentials.closeSession(credentialOf(request.headers) ?? '')
    return reply.code(204).send()
  })
}

/** The body may be left out altogether, which a schema cannot say. */
function roleOf(body: unknown) {
  if (body === undefined || body === null) return 'admin'
  const { role = 'admin', ...others } = body as { role?: unknown }
  const [unknownField] = Object.keys(others)
  if (unknownField !== undefined) {
    const field = shortened(unknownField)
    throw new LinkfleetError('invalid-request', `${field} is not a known field.`, { field })
  }
  const found = roles.find((candidate) => candidate === role)
  if (found === undefined) {
    throw new LinkfleetError('invalid-request', `role must be one of ${roles.join(', ')}.`, { field: 'role' })
  }
  return found
}
