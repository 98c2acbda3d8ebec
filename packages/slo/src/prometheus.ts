/** Prometheus over its HTTP API: every question has a deadline, every answer a bound. */
import { boundedFetch } from '@linkfleet/runtime/bounded-fetch'
import type { DependencyState } from '@linkfleet/runtime/health'
import { type Monitoring, MonitoringAway } from './monitoring.ts'
import { samplesOf, seriesOf } from './prometheus-answer.ts'

const answerBytesMax = 8 * 1024 * 1024

export interface Prometheus extends Monitoring {
  state(): DependencyState
}

/** '' stands for a fleet without Prometheus: every question is answered with a sentence that says so. */
export function openPrometheus(prometheusUrl: string, timeoutMs = 5_000): Prometheus {
  const timeout = `${timeoutMs}ms`
  let state: DependencyState = prometheusUrl === '' ? 'not configured' : 'not asked yet'

  async function query(path: string, parameters: Record<string, string>): Promise<string> {
    if (prometheusUrl === '') throw new MonitoringAway('This fleet runs without Prometheus.')
    try {
      const answer = await boundedFetch(`${prometheusUrl}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(parameters).toString(),
        timeoutMs,
        answerBytesMax,
      })
      // A query that it refuses has 4xx or 5xx and a body that says why.
      if (answer.status >= 500 && !answer.body.startsWith('{')) {
        throw new MonitoringAway(`Prometheus answered with status ${answer.status}.`)
      }
      state = 'up'
      return answer.body
    } catch (error) {
      state = 'down'
      if (error instanceof MonitoringAway) throw error
      throw new MonitoringAway('Prometheus does not answer.', { cause: error })
    }
  }

  return {
    state: () => state,
    async instant(text, atSeconds) {
      return samplesOf(await query('/api/v1/query', { query: text, time: String(atSeconds), timeout }))
    },
    async range({ query: text, startSeconds, endSeconds, stepSeconds }) {
      const parameters = {
        query: text,
        start: String(startSeconds),
        end: String(endSeconds),
        step: String(stepSeconds),
        timeout,
      }
      return seriesOf(await query('/api/v1/query_range', parameters))
    },
  }
}
