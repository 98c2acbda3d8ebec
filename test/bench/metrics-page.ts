/** Reads numbers off a page in the Prometheus text format. */

/** The sum of all series of a metric whose labels hold every given one; 0 when there is none. Pure. */
export function sumOf(page: string, metric: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`)
  let sum = 0
  for (const line of page.split('\n')) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    if (found === null || found[1] !== metric) continue
    const shown = (found[2] ?? '').split(/,(?=[a-zA-Z_]\w*=")/)
    if (wanted.every((label) => shown.includes(label))) sum += Number(found[3])
  }
  return sum
}

export async function readMetricsPage(adminUrl: string): Promise<string> {
  const response = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(10_000) })
  if (response.status !== 200) throw new Error(`${adminUrl}/metrics was answered ${response.status}.`)
  return await response.text()
}
