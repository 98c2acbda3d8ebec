import type { FastifyInstance } from 'fastify'
import { toBuffer, toString as toText } from 'qrcode'
import { type Static, Type } from 'typebox'
import type { Api } from './api.ts'
import { findLink } from './get-link.ts'
import { answers, CodeParams, security, shortUrlOf } from './link-json.ts'

const Query = Type.Object(
  { size: Type.Integer({ minimum: 64, maximum: 2_048, default: 512, description: 'Width in pixels.' }) },
  { additionalProperties: false },
)

/** Four modules of quiet zone are what ISO/IEC 18004 asks for; level M survives 15 % of damage. */
const drawing = { margin: 4, errorCorrectionLevel: 'M' } as const

const schemaOf = (type: string, format: string) => ({
  summary: `The short URL as a QR code (${format})`,
  tags: ['links'],
  security,
  params: CodeParams,
  querystring: Query,
  response: answers(
    { 200: { description: format, content: { [type]: { schema: Type.String({ format: 'binary' }) } } } },
    400,
    401,
    403,
    404,
    503,
  ),
})

interface QrRequest {
  Params: Static<typeof CodeParams>
  Querystring: Static<typeof Query>
}

export function qrCodeRoutes(server: FastifyInstance, api: Api): void {
  const svg = { schema: schemaOf('image/svg+xml', 'SVG') }
  server.get<QrRequest>('/api/v1/links/:code/qr.svg', svg, async (request, reply) => {
    await api.authorize(request, 'read')
    const { code } = await findLink(api, request.params.code, request.answerByMs)
    const width = request.query.size
    const image = await toText(shortUrlOf(api.publicUrl, code), { ...drawing, type: 'svg', width })
    return reply.type('image/svg+xml').header('cache-control', 'private, max-age=3600').send(image)
  })

  const png = { schema: schemaOf('image/png', 'PNG') }
  server.get<QrRequest>('/api/v1/links/:code/qr.png', png, async (request, reply) => {
    await api.authorize(request, 'read')
    const { code } = await findLink(api, request.params.code, request.answerByMs)
    const width = request.query.size
    const image = await toBuffer(shortUrlOf(api.publicUrl, code), { ...drawing, type: 'png', width })
    return reply.type('image/png').header('cache-control', 'private, max-age=3600').send(image)
  })
}
