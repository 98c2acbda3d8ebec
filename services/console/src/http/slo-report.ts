import { LinkfleetError } from '@linkfleet/contracts/errors'
import { MonitoringAway } from '@linkfleet/slo/monitoring'
import { type Day, readDay } from '@linkfleet/slo/report/day'
import type { DayReport } from '@linkfleet/slo/report/day-report'
import { htmlOf } from '@linkfleet/slo/report/html'
import { markdownOf } from '@linkfleet/slo/report/markdown'
import { textOf } from '@linkfleet/slo/report/sections'
import type { FastifyInstance } from 'fastify'
import type { ReportView } from '../domain/views.ts'
import type { Sessions } from '../ports.ts'
import { requireSession } from './insiders.ts'

const query = {
  type: 'object',
  additionalProperties: false,
  properties: {
    day: { type: 'string', maxLength: 10 },
    format: { type: 'string', enum: ['page', 'json', 'markdown', 'html'], default: 'page' },
  },
} as const

interface Query {
  readonly day?: string
  readonly format: 'page' | 'json' | 'markdown' | 'html'
}

const documents = {
  json: { type: 'application/json', extension: 'json', write: (report: DayReport) => JSON.stringify(report) },
  markdown: { type: 'text/markdown; charset=utf-8', extension: 'md', write: markdownOf },
  html: { type: 'text/html; charset=utf-8', extension: 'html', write: htmlOf },
} as const

/** `format=page` is what the console's own page shows; the others are files to keep. */
export function sloReportRoute(
  server: FastifyInstance,
  sessions: Sessions,
  readReport: (day: Day) => Promise<DayReport>,
  nowMs: () => number,
): void {
  server.get<{ Querystring: Query }>(
    '/api/console/slo/report',
    { schema: { querystring: query } },
    async (request, reply) => {
      await requireSession(sessions, request)
      const answer = readDay(request.query.day, nowMs() / 1000)
      if (answer.kind === 'invalid')
        throw new LinkfleetError('invalid-request', `${answer.detail}.`, { field: 'day' })
      const report = await knownOrAway(readReport(answer.day))
      if (request.query.format === 'page') return { report, text: textOf(report) } satisfies ReportView
      const { type, extension, write } = documents[request.query.format]
      return reply
        .header('content-type', type)
        .header('content-disposition', `attachment; filename="linkfleet-slo-${report.day}.${extension}"`)
        .send(write(report))
    },
  )
}

async function knownOrAway(report: Promise<DayReport>): Promise<DayReport> {
  try {
    return await report
  } catch (error) {
    if (!(error instanceof MonitoringAway)) throw error
    throw new LinkfleetError('unavailable', `A report needs Prometheus. ${error.message}`, {
      retryAfterSeconds: 10,
      cause: error,
    })
  }
}
