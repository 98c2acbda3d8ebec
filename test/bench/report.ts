/** What a bench found, and how it is shown. Pure. */

export type Cell = string | number | undefined

export interface Column {
  readonly key: string
  readonly title: string
  /** Digits after the point; 0 unless told. */
  readonly digits?: number
}

export interface Table {
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: readonly Readonly<Record<string, Cell>>[]
}

/** Something that must hold, whatever the speed: a bench that counts wrongly has measured nothing. */
export interface Check {
  readonly what: string
  readonly passed: boolean
  readonly found: string
}

/** A target of speed. It depends on the machine and on what else it does, so missing it is no failure. */
export interface Target {
  readonly what: string
  readonly atLeast?: number
  readonly atMost?: number
  readonly measured: number
}

export interface Report {
  readonly bench: string
  /** How it was measured: sentences. */
  readonly notes: readonly string[]
  readonly tables: readonly Table[]
  readonly checks: readonly Check[]
  readonly targets: readonly Target[]
}

/** undefined when there is nothing to compare with. */
export function ratioOf(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined
}

/** Of an even count the mean of the two in the middle; undefined of none. Pure. */
export function medianOf(numbers: readonly number[]): number | undefined {
  const sorted = numbers.toSorted((one, other) => one - other)
  const upper = sorted[sorted.length >> 1]
  const lower = sorted[(sorted.length - 1) >> 1]
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2
}

export function isMet(target: Target): boolean {
  return (
    target.measured >= (target.atLeast ?? Number.NEGATIVE_INFINITY) &&
    target.measured <= (target.atMost ?? Number.POSITIVE_INFINITY)
  )
}

export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A bound with the digits it has: 0.75, 5,000. */
function formatBound(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 3 })
}

function formatCell(cell: Cell, digits: number | undefined): string {
  if (cell === undefined) return '–'
  return typeof cell === 'string' ? cell : formatNumber(cell, digits)
}

/** Numbers stand right, words stand left. */
export function formatTable(table: Table): string {
  const cells = table.rows.map((row) => table.columns.map(({ key, digits }) => formatCell(row[key], digits)))
  const isWords = table.columns.map(({ key }) => table.rows.some((row) => typeof row[key] === 'string'))
  const widths = table.columns.map(({ title }, index) =>
    Math.max(title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  )
  const line = (parts: readonly string[]) =>
    parts
      .map((part, index) =>
        isWords[index] ? part.padEnd(widths[index] ?? 0) : part.padStart(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [
    table.title,
    line(table.columns.map(({ title }) => title)),
    line(widths.map((width) => '-'.repeat(width))),
    ...cells.map(line),
  ].join('\n')
}

function formatTarget(target: Target): string {
  const bounds = [
    ...(target.atLeast === undefined ? [] : [`at least ${formatBound(target.atLeast)}`]),
    ...(target.atMost === undefined ? [] : [`at most ${formatBound(target.atMost)}`]),
  ]
  const word = isMet(target) ? 'met' : 'not met'
  return `  ${word.padEnd(7)}  ${target.what}: ${bounds.join(', ')}; measured ${formatBound(target.measured)}`
}

export function formatReport(report: Report): string {
  const parts = [`bench ${report.bench}`, ...report.tables.map(formatTable)]
  if (report.checks.length > 0) {
    const lines = report.checks.map(
      ({ what, passed, found }) => `  ${passed ? 'holds ' : 'BROKEN'}  ${what}: ${found}`,
    )
    parts.push(['Checks', ...lines].join('\n'))
  }
  if (report.targets.length > 0) {
    parts.push(
      ['Targets (a machine that does other things misses them)', ...report.targets.map(formatTarget)].join(
        '\n',
      ),
    )
  }
  if (report.notes.length > 0) parts.push(report.notes.map((note) => `  ${note}`).join('\n'))
  return `${parts.join('\n\n')}\n`
}
