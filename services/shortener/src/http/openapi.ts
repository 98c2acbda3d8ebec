/** The API's own description: OpenAPI 3.1 at /api/v1/openapi.json, browsable at /api/v1/docs. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

export async function describeApi(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'linkfleet',
        version: '1',
        description: 'Create and manage short links. Errors are RFC 9457 problem details with a stable code.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'links', description: 'Short links' },
        { name: 'access', description: 'Keys and sessions' },
      ],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        },
      },
    },
    hideUntagged: true,
  })
  await server.register(swaggerUi, { routePrefix: '/api/v1/docs' })
  server.get('/api/v1/openapi.json', async () => server.swagger())
}
