import type { DayReport } from './day-report.ts'
import { type Section, type Table, textOf } from './sections.ts'

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => entities[sign] ?? sign)

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
  h1 { font-size: 1.7rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #d8dee4; vertical-align: top }
  @media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } th, td { border-color: #30363d } }
`

function tableMarkup({ head, rows }: Table): string {
  if (rows.length === 0) return '<p>Nothing to tell.</p>'
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((text) => `<${tag}>${escaped(text)}</${tag}>`).join('')}</tr>`
  return `<table><thead>${line(head, 'th')}</thead><tbody>${rows.map((row) => line(row, 'td')).join('')}</tbody></table>`
}

function sectionMarkup({ heading, sentences, table }: Section): string {
  const paragraphs = sentences.map((sentence) => `<p>${escaped(sentence)}</p>`).join('')
  return `<section><h2>${escaped(heading)}</h2>${paragraphs}${table === undefined ? '' : tableMarkup(table)}</section>`
}

/** A page that stands alone: no script, nothing fetched. */
export function htmlOf(report: DayReport): string {
  const { title, sections } = textOf(report)
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head>
<body><h1>${escaped(title)}</h1>
${sections.map(sectionMarkup).join('\n')}
</body></html>
`
}
