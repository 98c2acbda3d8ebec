/** Keys of programs. Only hashes are stored: a key is shown once, when it is made. */
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { roles } from '../domain/credentials.ts'
import { acceptExpiry } from '../domain/judge-options.ts'
import type { KeyDescription } from '../ports.ts'
import type { Api } from './api.ts'
import { answers, linkFields, security } from './link-json.ts'

const Role = Type.Enum([...roles])
const NewKey = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$',
      description: 'Unique; shown in lists and logs.',
    }),
    role: Role,
    expiresAt: Type.Optional(linkFields.expiresAt),
  },
  { additionalProperties: false },
)
const keyFields = {
  id: Type.Integer(),
  name: Type.String(),
  role: Role,
  createdAt: Type.String({ format: 'date-time' }),
  expiresAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
}
const KeyParams = Type.Object({ id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) })

const createSchema = {
  summary: 'Make a key',
  tags: ['access'],
  security,
  body: NewKey,
  response: answers({ 201: Type.Object({ key: Type.String(), ...keyFields }) }, 400, 401, 403, 415, 503),
}
const listSchema = {
  summary: 'List keys',
  tags: ['access'],
  security,
  response: answers({ 200: Type.Object({ keys: Type.Array(Type.Object(keyFields)) }) }, 401, 403, 503),
}
const deleteSchema = {
  summary: 'Delete a key',
  description: 'It stops working everywhere within 10 seconds.',
  tags: ['access'],
  security,
  params: KeyParams,
  response: answers({ 204: Type.Null({ description: 'Deleted' }) }, 400, 401, 403, 404, 503),
}

const toKeyJson = ({ id, name, role, createdAtMs, expiresAtMs }: KeyDescription) => ({
  id,
  name,
  role,
  createdAt: new Date(createdAtMs).toISOString(),
  expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs).toISOString(),
})

export function keyRoutes(server: FastifyInstance, api: Api): void {
  server.post<{ Body: Static<typeof NewKey> }>(
    '/api/v1/keys',
    { schema: createSchema },
    async (request, reply) => {
      await api.authorize(request, 'administer')
      const { name, role, expiresAt } = request.body
      const expiresAtMs = acceptExpiry(expiresAt ?? null, api.now())
      const made = await api.credentials.createKey(name, role, expiresAtMs)
      if (made === undefined) {
        throw new LinkfleetError('invalid-request', `A key named "${name}" exists.`, { field: 'name' })
      }
      reply.code(201).header('cache-control', 'no-store')
      return { key: made.key, ...toKeyJson(made) }
    },
  )

  server.get('/api/v1/keys', { schema: listSchema }, async (request, reply) => {
    await api.authorize(request, 'administer')
    reply.header('cache-control', 'no-store')
    return { keys: (await api.credentials.listKeys()).map(toKeyJson) }
  })

  server.delete<{ Params: Static<typeof KeyParams> }>(
    '/api/v1/keys/:id',
    { schema: deleteSchema },
    async (request, reply) => {
      await api.authorize(request, 'administer')
      const deleted = await api.credentials.deleteKey(request.params.id)
      if (!deleted) throw new LinkfleetError('not-found', 'There is no key with this id.', { field: 'id' })
      return reply.code(204).send()
    },
  )
}
