/** The API's own description: OpenAPI 3.1 at /api/v1/openapi.json, browsable at /api/v1/docs. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** Before any route it is to describe. */
export async function describeApi(server: FastifyInstance): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'linkfleet statistics',
        version: '1',
        description: 'How often links are followed. Errors are RFC 9457 problem details with a stable code.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [{ name: 'statistics', description: 'Counted clicks' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
        },
      },
    },
    hideUntagged: true,
    // Schemas keep their own names.
    refResolver: {
      buildLocalReference: (schema, _baseUri, _fragment, index) => String(schema.$id ?? `schema-${index}`),
    },
  })
  await server.register(swaggerUi, { routePrefix: '/api/v1/docs' })
  server.get('/api/v1/openapi.json', async () => server.swagger())
}
