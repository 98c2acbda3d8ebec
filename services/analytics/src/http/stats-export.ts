import { Readable } from 'node:stream'
import { LinkfleetError } from '@linkfleet/contracts/errors'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { dayMs } from '../domain/grains.ts'
import { csvRow } from '../domain/statistics/csv.ts'
import { fleetColumns, fleetRows, linkColumns, linkRows, type Row } from '../domain/statistics/export-rows.ts'
import { type RangeQuestion, type StatsRange, wholeDays } from '../domain/statistics/stats-range.ts'
import { domainQuery, linkKeyOf, linkParams, requireLink } from './link-key.ts'
import { daysQuery, rangeOf, rangeQuery } from './range-query.ts'
import type { StatsApi } from './server.ts'
import { answers, security } from './stats-json.ts'

/** Each day is a question of its own. */
const daysMax = 400
/** Exports of one instance at a time; each holds at most a page of rows. */
const exportsMax = 8
const lastingMsMax = 600_000
/** Rows are small, and a write for each would cost more than they do. */
const chunkCharacters = 32_768

type Format = 'csv' | 'ndjson'

const contentTypes: Readonly<Record<Format, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
}

const formatQuery = {
  format: Type.Optional(
    Type.String({ enum: Object.keys(contentTypes), description: 'csv or ndjson; csv unless given.' }),
  ),
}

const file = (rows: string) => ({
  description: `${rows} In CSV, a text that a spreadsheet could take for a formula has an apostrophe before it.`,
  content: { 'text/csv': { schema: Type.String() }, 'application/x-ndjson': { schema: Type.String() } },
})

const common = { tags: ['statistics'], security }

const linkSchema = {
  ...common,
  summary: 'Clicks of a link as a file',
  params: linkParams,
  querystring: Type.Object(
    { ...rangeQuery, ...domainQuery, ...formatQuery },
    { additionalProperties: false },
  ),
  response: answers(
    file(
      `${linkColumns.join(', ')}: the series (record is interval), then the days in UTC by each dimension (record is day); a row without a name is the rest, so the names of a dimension add up to the day. At most ${daysMax} days.`,
    ),
    ...[400, 401, 404, 429, 503],
  ),
}

const fleetSchema = {
  ...common,
  summary: 'Clicks of every link as a file',
  querystring: Type.Object({ ...daysQuery, ...formatQuery }, { additionalProperties: false }),
  response: answers(
    file(
      `${fleetColumns.join(', ')}: each link with clicks in the range, which is one of days in UTC, at most ${daysMax}; total is of all time.`,
    ),
    ...[400, 401, 429, 503],
  ),
}

/** GET /api/v1/links/:code/stats/export and GET /api/v1/stats/export. */
export function statsExportRoutes(server: FastifyInstance, api: StatsApi): void {
  const options = {
    preValidation: api.authorize,
    exposeHeadRoute: false,
    config: { priority: 'low' as const },
  }
  const takePlace = createPlaces()
  server.get<{ Params: { code: string }; Querystring: RangeQuestion & { format?: Format; domain?: string } }>(
    '/api/v1/links/:code/stats/export',
    { ...options, schema: linkSchema },
    async (request, reply) => {
      const { query } = request
      const range = boundedRangeOf(api, query)
      const key = linkKeyOf(api, request.params.code, query.domain)
      takePlace(reply)
      const stats = await api.stats.link(key, range)
      if (stats.counts === undefined) await requireLink(api, key)
      const rows = linkRows(api.exports, key, range, stats)
      return send(reply, query.format ?? 'csv', nameOf(key.code, range), linkColumns, rows)
    },
  )
  server.get<{ Querystring: Pick<RangeQuestion, 'from' | 'to'> & { format?: Format } }>(
    '/api/v1/stats/export',
    { ...options, schema: fleetSchema },
    async (request, reply) => {
      const { from, to, format = 'csv' } = request.query
      const range = boundedRangeOf(api, { from, to })
      takePlace(reply)
      const rows = fleetRows(api.exports, range, api.defaultDomain)
      return send(reply, format, nameOf('links', range), fleetColumns, rows)
    },
  )
}

function boundedRangeOf(api: StatsApi, question: RangeQuestion): StatsRange {
  const range = rangeOf(question, api.retention, api.now())
  const { fromMs, toMs } = wholeDays(range)
  const days = (toMs - fromMs) / dayMs
  if (days <= daysMax) return range
  const detail = `The range has ${days} days; at most ${daysMax} are exported at once.`
  throw new LinkfleetError('invalid-request', detail, { field: 'from' })
}

/** Takes a place until the answer has gone, whatever it is. */
function createPlaces(): (reply: FastifyReply) => void {
  let taken = 0
  return (reply) => {
    if (taken >= exportsMax) {
      const detail = `${exportsMax} exports are under way here; try again when one has ended.`
      throw new LinkfleetError('too-many-requests', detail, { retryAfterSeconds: 5 })
    }
    taken++
    reply.raw.once('close', () => {
      taken--
    })
  }
}

function send(
  reply: FastifyReply,
  format: Format,
  name: string,
  columns: readonly string[],
  rows: AsyncIterable<Row>,
): FastifyReply {
  const body = Readable.from(chunksOf(format, columns, rows), { objectMode: false })
  const timer = setTimeout(() => body.destroy(new Error('The export took too long.')), lastingMsMax)
  body.once('close', () => clearTimeout(timer))
  return reply
    .header('content-type', contentTypes[format])
    .header('content-disposition', `attachment; filename="${name}.${format}"`)
    .header('cache-control', 'private, no-store')
    .send(body)
}

async function* chunksOf(
  format: Format,
  columns: readonly string[],
  rows: AsyncIterable<Row>,
): AsyncGenerator<string> {
  let chunk = format === 'csv' ? csvRow(columns) : ''
  for await (const row of rows) {
    chunk +=
      format === 'csv' ? csvRow(columns.map((column) => row[column] ?? null)) : `${JSON.stringify(row)}\n`
    if (chunk.length < chunkCharacters) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

/** A code may hold what a header or a file system does not like. */
function nameOf(subject: string, { fromMs, toMs }: StatsRange): string {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  return `${subject.replaceAll(/[^A-Za-z0-9_-]/g, '_')}-clicks-${day(fromMs)}-${day(toMs - 1)}`
}
