/**
 * What a request brings is checked by JSON Schema, with Ajv. In a module of its own: a server none of whose routes has a
 * schema does not load it.
 */
import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

// A body says its types itself; everything else of a request is text. Unknown fields are refused, never dropped.
const exact = addFormats.default(new Ajv.Ajv({ useDefaults: true, strict: true }))
const fromText = addFormats.default(new Ajv.Ajv({ useDefaults: true, strict: true, coerceTypes: 'array' }))

/** The checks of routes, as an HTTP server wants them. */
export const compileRequestPart: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? exact : fromText).compile(schema)

/** A check of bodies, as every route's has it, for what a route checks by itself; `toLinkfleetError` tells its errors. */
export function compileBody(schema: object) {
  return exact.compile(schema)
}
