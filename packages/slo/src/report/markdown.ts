import type { DayReport } from './day-report.ts'
import { type Section, type Table, textOf } from './sections.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')

function tableText({ head, rows }: Table): string {
  if (rows.length === 0) return 'Nothing to tell.'
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')
}

function sectionText({ heading, sentences, table }: Section): string {
  const parts = [`## ${heading}`, ...sentences, ...(table === undefined ? [] : [tableText(table)])]
  return parts.join('\n\n')
}

export function markdownOf(report: DayReport): string {
  const { title, sections } = textOf(report)
  return `${[`# ${title}`, ...sections.map(sectionText)].join('\n\n')}\n`
}
