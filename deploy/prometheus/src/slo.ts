/**
 * Reads the service level objectives of deploy/slo: OpenSLO v1 documents (https://openslo.com), of which this understands
 * what the fleet uses: a rolling window, one objective, and an indicator that is either a ratio of two counters or a gauge
 * with a threshold. sla.yaml beside them is no OpenSLO, which has no word for it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Indicator, type ServiceLevelAgreement, type Slo, sloPeriods } from '@linkfleet/slo/objective'
import { parse, parseAllDocuments } from 'yaml'

interface SloDocument {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly displayName?: string }
  readonly spec: SloSpec & SliSpec
}

interface SloSpec {
  readonly description?: string
  readonly service?: string
  readonly indicatorRef?: string
  readonly timeWindow?: readonly { readonly duration: string; readonly isRolling: boolean }[]
  readonly objectives?: readonly { readonly target: number; readonly op?: string; readonly value?: number }[]
}

interface MetricSource {
  readonly metricSource: { readonly type: string; readonly spec: { readonly query: string } }
}

interface SliSpec {
  readonly ratioMetric?: {
    readonly counter: boolean
    readonly good: MetricSource
    readonly total: MetricSource
  }
  readonly thresholdMetric?: MetricSource
}

const agreementFile = 'sla.yaml'

/** All objectives of a folder, sorted by file and then in the order in which they stand. */
export function readSloFolder(folder: string): Slo[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== agreementFile)
  return files.sort().flatMap((name) => parseSlos(readFileSync(join(folder, name), 'utf8'), name))
}

/** The objectives of one file. Throws an Error that names the file and what is missing in it. */
export function parseSlos(text: string, fileName: string): Slo[] {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as SloDocument)
  for (const document of documents) {
    if (document?.apiVersion !== 'openslo/v1') throw new Error(`${fileName}: apiVersion must be openslo/v1`)
  }
  const indicators = new Map(
    documents.filter(({ kind }) => kind === 'SLI').map((document) => [document.metadata.name, document.spec]),
  )
  return documents
    .filter(({ kind }) => kind === 'SLO')
    .map((document) => sloOf(document, indicators, `${fileName}: ${document.metadata.name}`))
}

function sloOf(document: SloDocument, indicators: ReadonlyMap<string, SliSpec>, where: string): Slo {
  const { metadata, spec } = document
  const objective = spec.objectives?.[0]
  const window = spec.timeWindow?.[0]
  const indicator = indicators.get(spec.indicatorRef ?? '')
  if (objective === undefined || spec.objectives?.length !== 1)
    throw new Error(`${where} needs one objective`)
  if (!(objective.target > 0 && objective.target < 1))
    throw new Error(`${where} needs a target between 0 and 1`)
  if (window === undefined || !window.isRolling) throw new Error(`${where} needs one rolling timeWindow`)
  if (indicator === undefined) throw new Error(`${where} needs an indicatorRef to an SLI of the same file`)
  if (spec.service === undefined) throw new Error(`${where} needs a service`)
  const period = sloPeriods.find((candidate) => candidate === window.duration)
  if (period === undefined) throw new Error(`${where} needs a duration of ${sloPeriods.join(' or ')}`)
  return {
    id: metadata.name,
    service: spec.service,
    title: metadata.displayName ?? metadata.name,
    description: spec.description ?? '',
    period,
    target: objective.target,
    indicator: indicatorOf(indicator, objective, where),
  }
}

function indicatorOf(spec: SliSpec, objective: { op?: string; value?: number }, where: string): Indicator {
  if (spec.ratioMetric !== undefined) {
    if (!spec.ratioMetric.counter) throw new Error(`${where} needs counters`)
    return ratioOf(queryOf(spec.ratioMetric.good), queryOf(spec.ratioMetric.total), where)
  }
  const { op, value } = objective
  if (spec.thresholdMetric !== undefined && (op === 'lte' || op === 'gte') && value !== undefined) {
    return { kind: 'threshold', query: queryOf(spec.thresholdMetric), op, value }
  }
  throw new Error(`${where} needs a ratioMetric, or a thresholdMetric with op lte or gte and a value`)
}

/** The bound and the routes left out stand in the selectors themselves: they are said once, and read from there. */
function ratioOf(good: string, total: string, where: string): Indicator {
  const routesOf = (selector: string) => /route!~"([^"]*)"/.exec(selector)?.[1] ?? ''
  const bound = Number(/le="([^"]*)"/.exec(good)?.[1])
  if (!(bound > 0)) throw new Error(`${where} needs a good query with a bucket, such as le="0.2"`)
  if (routesOf(good) !== routesOf(total))
    throw new Error(`${where} leaves out other routes in good than in total`)
  return { kind: 'ratio', good, total, thresholdSeconds: bound, excludedRoutes: routesOf(total) }
}

const queryOf = (source: MetricSource): string => source.metricSource.spec.query.trim()

/** The agreement of a folder. Throws an Error that names what is missing in it. */
export function readAgreement(folder: string): ServiceLevelAgreement {
  return parseAgreement(readFileSync(join(folder, agreementFile), 'utf8'), agreementFile)
}

export function parseAgreement(text: string, fileName: string): ServiceLevelAgreement {
  const document = parse(text) as {
    kind?: string
    metadata?: { name?: string }
    spec?: Partial<ServiceLevelAgreement>
  }
  const { services, promised, requestsMin, credits, description = '' } = document.spec ?? {}
  const name = document.metadata?.name
  if (document.kind !== 'ServiceLevelAgreement' || name === undefined)
    throw new Error(`${fileName}: kind must be ServiceLevelAgreement, and it needs a name`)
  if (!Array.isArray(services) || services.length === 0) throw new Error(`${fileName} needs services`)
  if (promised === undefined || !(promised > 0 && promised < 1))
    throw new Error(`${fileName} needs promised, between 0 and 1`)
  if (requestsMin === undefined || !Number.isInteger(requestsMin))
    throw new Error(`${fileName} needs requestsMin, a whole number`)
  if (credits?.[0]?.below !== promised) throw new Error(`${fileName} needs credits that begin at ${promised}`)
  for (const [index, { below, percent }] of credits.entries()) {
    const before = credits[index - 1]
    if (before !== undefined && !(below < before.below && percent > before.percent))
      throw new Error(`${fileName} needs credits that grow as availability falls`)
    if (percent > 100) throw new Error(`${fileName} owes more than the whole fee`)
  }
  return { name, description: description.trim(), services, promised, requestsMin, credits }
}
