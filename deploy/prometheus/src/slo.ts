/**
 * Reads the service level objectives of deploy/slo: OpenSLO v1 documents (https://openslo.com), of which this understands
 * what the fleet uses: a rolling window, one objective, and an indicator that is either a ratio of two counters or a gauge
 * with a threshold.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'

/** Windows for which there are burn-rate policies. */
export const sloPeriods = ['1d', '30d'] as const
export type SloPeriod = (typeof sloPeriods)[number]

export type Indicator =
  /** Selectors of two cumulative counters. */
  | { readonly kind: 'ratio'; readonly good: string; readonly total: string }
  /** An instant expression of one value, good while it is at most `atMost`; each evaluation is one sample. */
  | { readonly kind: 'threshold'; readonly query: string; readonly atMost: number }

export interface Slo {
  /** `redirect-requests-1d`; unique over all files. */
  readonly id: string
  readonly service: string
  readonly title: string
  readonly description: string
  readonly period: SloPeriod
  /** Between 0 and 1. */
  readonly target: number
  readonly indicator: Indicator
}

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

/** All objectives of a folder, sorted by file and then in the order in which they stand. */
export function readSloFolder(folder: string): Slo[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
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
    return { kind: 'ratio', good: queryOf(spec.ratioMetric.good), total: queryOf(spec.ratioMetric.total) }
  }
  if (spec.thresholdMetric !== undefined && objective.op === 'lte' && objective.value !== undefined) {
    return { kind: 'threshold', query: queryOf(spec.thresholdMetric), atMost: objective.value }
  }
  throw new Error(`${where} needs a ratioMetric, or a thresholdMetric with op lte and a value`)
}

const queryOf = (source: MetricSource): string => source.metricSource.spec.query.trim()
