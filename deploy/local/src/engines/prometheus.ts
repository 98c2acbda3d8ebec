/** Prometheus on one machine: scrapes every five seconds what a file lists, and keeps 35 days. */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Program } from '../programs/program.ts'
import { type Engine, type EngineHome, startEngine } from './engine.ts'

export type PrometheusTarget = { address: string; service: string; instance: string }

/** Rule files by absolute path (globs allowed). */
export async function startPrometheus(
  place: EngineHome,
  program: Program,
  port: number,
  ruleFiles: string[],
): Promise<Engine> {
  const folder = join(place.home, 'prometheus')
  await mkdir(join(folder, 'targets'), { recursive: true })
  const config = join(folder, 'prometheus.yml')
  await writeFile(config, prometheusConfig(folder, ruleFiles))
  const url = `http://127.0.0.1:${port}`
  const command = {
    name: 'prometheus',
    program: program.path,
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--storage.tsdb.retention.time=35d',
      '--storage.tsdb.wal-compression',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    cwd: folder,
    env: { GOMEMLIMIT: '256MiB' },
    stopSignal: 'TERM' as const,
  }
  return startEngine(place, command, url, 30_000, async () => {
    const answer = await fetch(`${url}/api/v1/query?query=vector(1)`, { signal: AbortSignal.timeout(2_000) })
    const body = (await answer.json()) as { status?: string }
    return body.status === 'success' ? true : undefined
  })
}

function prometheusConfig(folder: string, ruleFiles: string[]): string {
  return `global:
  scrape_interval: 5s
  scrape_timeout: 4s
  evaluation_interval: 5s
rule_files: ${JSON.stringify(ruleFiles)}
scrape_configs:
  - job_name: linkfleet
    file_sd_configs:
      - files: [${JSON.stringify(join(folder, 'targets', '*.json'))}]
        refresh_interval: 5s
`
}

/** Tells Prometheus whom to scrape. Renamed into place: it never reads half a list. */
export async function writePrometheusTargets(home: string, targets: PrometheusTarget[]): Promise<void> {
  const folder = join(home, 'prometheus', 'targets')
  await mkdir(folder, { recursive: true })
  const groups = targets.map(({ address, service, instance }) => ({
    targets: [address],
    labels: { service, instance },
  }))
  const file = join(folder, 'fleet.json')
  await writeFile(`${file}.new`, JSON.stringify(groups, null, 2))
  await rename(`${file}.new`, file)
}
