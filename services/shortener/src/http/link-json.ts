/** A link as the API tells it, and the schemas of what the API takes. */
import { Type } from 'typebox'
import { tagsMax, titleLengthMax } from '../domain/judge-link.ts'
import {
  defaultRedirectStatus,
  maxClicksMax,
  passwordLengthMax,
  redirectStatuses,
} from '../domain/judge-options.ts'
import { urlLengthMax } from '../domain/judge-url.ts'
import type { Link } from '../domain/link.ts'

const moment = (description: string) =>
  Type.String({ description, format: 'date-time', examples: ['2030-01-31T12:00:00.000Z'] })
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

export const LinkJson = Type.Object(
  {
    code: Type.String({ description: 'The short code: generated, or the alias.' }),
    domain: Type.String({ description: 'The host of the short URL.' }),
    shortUrl: Type.String({ format: 'uri' }),
    url: Type.String({ description: 'The target, in its normal form.', format: 'uri' }),
    title: nullable(Type.String()),
    tags: Type.Array(Type.String()),
    redirectStatus: Type.Integer({ enum: [...redirectStatuses] }),
    forwardQuery: Type.Boolean({ description: 'Whether the query of a visit is added to the target.' }),
    startsAt: nullable(moment('Before it the short URL answers 404.')),
    expiresAt: nullable(moment('From then on the short URL answers 410.')),
    maxClicks: nullable(Type.Integer({ description: 'After so many clicks the short URL answers 410.' })),
    hasPassword: Type.Boolean({ description: 'Whether visitors are asked for a password.' }),
    createdAt: moment('When the link was created.'),
    updatedAt: moment('When the link was last changed.'),
    version: Type.Integer({ description: 'Grows with each change; what If-Match compares.' }),
  },
  { $id: 'Link' },
)

export const CountedLinkJson = Type.Object(
  {
    ...LinkJson.properties,
    clicks: nullable(
      Type.Integer({ description: 'All clicks so far; null while the statistics cannot be reached.' }),
    ),
  },
  { $id: 'CountedLink' },
)

export const ProblemJson = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable: programs may rely on it.' }),
    detail: Type.String(),
    field: Type.Optional(Type.String({ description: 'The field of the request that is wrong.' })),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details.' },
)

// Lengths of texts are judged by the domain, which explains itself; the body itself is bounded.
export const linkFields = {
  url: Type.String({ description: `http or https, at most ${urlLengthMax} characters.` }),
  title: nullable(Type.String({ description: `At most ${titleLengthMax} characters.` })),
  tags: Type.Array(Type.String(), { description: `At most ${tagsMax}.` }),
  expiresAt: nullable(
    Type.String({ description: 'A moment in the future with its time zone, such as 2030-01-31T12:00:00Z.' }),
  ),
  redirectStatus: Type.Integer({
    enum: [...redirectStatuses],
    description: `${defaultRedirectStatus} unless given.`,
  }),
  forwardQuery: Type.Boolean({
    description: 'Adds the query of a visit to the target. false unless given.',
  }),
  startsAt: nullable(
    Type.String({ description: 'A moment before expiresAt; until then the short URL answers 404.' }),
  ),
  maxClicks: nullable(
    Type.Integer({ description: `1 to ${maxClicksMax}; after so many clicks the short URL answers 410.` }),
  ),
  password: nullable(
    Type.String({
      description: `Visitors are asked for it; it is never told. At most ${passwordLengthMax} characters.`,
      writeOnly: true,
    }),
  ),
}

/** All but the url, each of which a create or an edit may leave out. */
export const optionalLinkFields = {
  title: Type.Optional(linkFields.title),
  tags: Type.Optional(linkFields.tags),
  redirectStatus: Type.Optional(linkFields.redirectStatus),
  forwardQuery: Type.Optional(linkFields.forwardQuery),
  startsAt: Type.Optional(linkFields.startsAt),
  expiresAt: Type.Optional(linkFields.expiresAt),
  maxClicks: Type.Optional(linkFields.maxClicks),
  password: Type.Optional(linkFields.password),
}

export const CodeParams = Type.Object({ code: Type.String({ description: 'The code of a link.' }) })

/** Responses of a route, for OpenAPI: problems are all alike. */
export function answers<T extends Record<number, object>>(good: T, ...problems: readonly number[]) {
  const problem = { content: { 'application/problem+json': { schema: ProblemJson } } }
  return {
    ...good,
    ...Object.fromEntries(problems.map((status) => [status, { description: 'Problem', ...problem }])),
  }
}

export const security = [{ bearer: [] }, { apiKey: [] }]

const isoOf = (ms: number | null) => (ms === null ? null : momentOf(ms))

/** Links of one transaction were created at one moment, and most were not changed since. */
let lastMoment = { ms: 0, iso: new Date(0).toISOString() }
function momentOf(ms: number): string {
  if (lastMoment.ms !== ms) lastMoment = { ms, iso: new Date(ms).toISOString() }
  return lastMoment.iso
}

export function shortUrlOf(publicUrl: string, code: string): string {
  return `${publicUrl}/${code}`
}

/** There is one public URL; a bulk asks for its host a thousand times. */
let lastHost = { publicUrl: '', host: '' }
function hostOf(publicUrl: string): string {
  if (lastHost.publicUrl !== publicUrl) lastHost = { publicUrl, host: new URL(publicUrl).host }
  return lastHost.host
}

export function toLinkJson(link: Link, publicUrl: string) {
  return {
    code: link.code,
    domain: hostOf(publicUrl),
    shortUrl: shortUrlOf(publicUrl, link.code),
    url: link.targetUrl,
    title: link.title,
    tags: [...link.tags],
    redirectStatus: link.redirectStatus,
    forwardQuery: link.forwardQuery,
    startsAt: isoOf(link.startsAtMs),
    expiresAt: isoOf(link.expiresAtMs),
    maxClicks: link.maxClicks,
    hasPassword: link.passwordProtected,
    createdAt: momentOf(link.createdAtMs),
    updatedAt: momentOf(link.updatedAtMs),
    version: link.version,
  }
}

export const entityTagOf = (link: Link) => `"${link.version}"`
