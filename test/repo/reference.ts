/**
 * The reference documents, worked out from the code itself. Each document has a part between two marks that is generated;
 * what people write stands around it and is kept.
 */
import { errorKinds } from '@linkfleet/contracts/errors'
import { isTest, readText, sourceFiles } from './files.ts'
import { type Node, parse, stringOf, walk } from './syntax.ts'

export const begin = '<!-- generated: begin -->'
export const end = '<!-- generated: end -->'

export const services = ['redirect', 'shortener', 'analytics', 'console', 'id-generator'] as const

/** What `defineConfig` keeps of an environment variable. */
interface Option {
  readonly env: string
  readonly description: string
  readonly typeName: string
  readonly defaultValue?: unknown
  readonly secret: boolean
}

interface Metric {
  readonly owner: string
  readonly name: string
  readonly kind: string
  readonly help: string
  readonly labels: readonly string[]
}

const grpcStatusNames: Readonly<Record<number, string>> = {
  1: 'CANCELLED',
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  10: 'ABORTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  16: 'UNAUTHENTICATED',
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

export function errorsReference(): string {
  const rows = Object.entries(errorKinds).map(([code, kind]) => [
    `\`${code}\``,
    String(kind.httpStatus),
    grpcStatusNames[kind.grpcStatus] ?? String(kind.grpcStatus),
    cell(kind.title),
  ])
  return table(['code', 'HTTP', 'gRPC', 'title'], rows)
}

/** The options of one service, as its `src/config.ts` declares them. */
export async function optionsOf(service: string): Promise<Option[]> {
  const module: Record<string, unknown> = await import(`../../services/${service}/src/config.ts`)
  const definition = Object.values(module).find((value) => typeof value === 'object' && value !== null)
  return Object.values(definition as Record<string, Option>)
}

function defaultOf(option: Option): string {
  const value = option.defaultValue
  if (value === undefined) return '**required**'
  const text = Array.isArray(value) ? value.join(',') : String(value)
  return text === '' ? 'none' : `\`${text}\``
}

export async function configurationReference(): Promise<string> {
  const sections: string[] = []
  for (const service of services) {
    const rows = (await optionsOf(service))
      .toSorted((a, b) => a.env.localeCompare(b.env))
      .map((option) => [
        `\`${option.env}\``,
        cell(option.typeName),
        defaultOf(option),
        cell(option.description) + (option.secret ? ' Secret: never logged.' : ''),
      ])
    sections.push(`### ${service}\n\n${table(['variable', 'type', 'default', 'meaning'], rows)}`)
  }
  return sections.join('\n\n')
}

const kinds = new Set(['counter', 'gauge', 'histogram'])

function metricOf(node: Node): Omit<Metric, 'owner'> | undefined {
  if (node.type !== 'CallExpression') return undefined
  const callee = node.callee as Node
  const kind = String(callee.type === 'MemberExpression' ? (callee.property as Node).name : callee.name)
  const [name, help, labels] = node.arguments as readonly (Node | undefined)[]
  const nameText = stringOf(name)
  const helpText = stringOf(help)
  if (!kinds.has(kind) || nameText === undefined || helpText === undefined) return undefined
  const elements = labels?.type === 'ArrayExpression' ? (labels.elements as readonly Node[]) : []
  return { kind, name: nameText, help: helpText, labels: elements.map((element) => stringOf(element) ?? '?') }
}

/** Metrics by the calls that make them; their names are literals everywhere, which is what makes this possible. */
export function metrics(): Metric[] {
  const paths = sourceFiles.filter((path) => /^(services|packages)\/[^/]+\/src\//.test(path) && !isTest(path))
  return paths.flatMap((path) => {
    const text = readText(path)
    if (!/\b(counter|gauge|histogram)\(/.test(text)) return []
    const owner = path.startsWith('packages/') ? 'every service' : (path.split('/')[1] ?? '')
    return [...walk(parse(path, text).program)].flatMap(([node]) => {
      const metric = metricOf(node)
      return metric === undefined ? [] : [{ owner, ...metric }]
    })
  })
}

export function metricsReference(): string {
  const found = metrics()
  const sections = ['every service', ...services].flatMap((owner) => {
    const own = found.filter((metric) => metric.owner === owner).sort((a, b) => a.name.localeCompare(b.name))
    if (own.length === 0) return []
    const rows = own.map((metric) => [
      `\`${metric.name}\``,
      metric.kind,
      metric.labels.map((label) => `\`${label}\``).join(', '),
      cell(metric.help),
    ])
    return [`### ${owner}\n\n${table(['metric', 'type', 'labels', 'meaning'], rows)}`]
  })
  return sections.join('\n\n')
}

/** The generated part of each document. */
export async function references(): Promise<Record<string, string>> {
  return {
    'docs/reference/errors.md': errorsReference(),
    'docs/reference/configuration.md': await configurationReference(),
    'docs/reference/metrics.md': metricsReference(),
  }
}

/** A document with its generated part replaced. */
export function withGenerated(document: string, generated: string): string {
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from === -1 || to < from) throw new Error(`a reference document needs the lines ${begin} and ${end}`)
  return `${document.slice(0, from + begin.length)}\n\n${generated}\n\n${document.slice(to)}`
}
