/**
 * Reads what a /metrics page says, in the Prometheus text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Only names that are asked for are kept, so a page
 * of any length costs little; comments and timestamps are passed over.
 */
import type { Sample } from '../ports.ts'

const linePattern = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$/
const labelPattern = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g

export function parseNumber(text: string): number | null {
  const value = Number(text)
  return text.trim() !== '' && Number.isFinite(value) ? value : null
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  for (const [, name, value] of text.matchAll(labelPattern)) {
    labels[name as string] = (value as string).replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char))
  }
  return labels
}

/** Samples by metric name; a name that the page lacks has an empty list. */
export function parseExposition(text: string, names: readonly string[]): ReadonlyMap<string, Sample[]> {
  const found = new Map<string, Sample[]>(names.map((name) => [name, []]))
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, name = '', labels = '', value = ''] = linePattern.exec(line) ?? []
    found.get(name)?.push({ labels: parseLabels(labels), value: parseNumber(value) })
  }
  return found
}
