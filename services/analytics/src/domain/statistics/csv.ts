/** Rows of comma-separated values (RFC 4180) that no spreadsheet takes for formulas. */

/**
 * A cell that begins with one of these may be run as a formula, and names come from headers that anyone can forge:
 * https://owasp.org/www-community/attacks/CSV_Injection. An apostrophe before it makes it a text.
 */
const formulaPattern = /^[=+\-@\t\r\n＝＋－＠]/
const quotedPattern = /[",\r\n]/

export type Cell = string | number | null

export function csvRow(cells: readonly Cell[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`
}

/** Numbers are ours, so only texts can be hostile. */
function cellOf(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = formulaPattern.test(cell) ? `'${cell}` : cell
  return quotedPattern.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
