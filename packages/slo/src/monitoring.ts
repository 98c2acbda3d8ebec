/** What is asked of Prometheus, and the forms of its answers. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  /** null stands for no number: NaN, an infinity, or nothing there. */
  readonly value: number | null
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** Seconds since the epoch, and the value. */
  readonly points: readonly (readonly [number, number | null])[]
}

export interface RangeQuery {
  readonly query: string
  readonly startSeconds: number
  readonly endSeconds: number
  readonly stepSeconds: number
}

/** Throws MonitoringAway when it cannot answer within its deadline, with a sentence for people. */
export interface Monitoring {
  instant(query: string, atSeconds: number): Promise<readonly Sample[]>
  range(query: RangeQuery): Promise<readonly Series[]>
}

export class MonitoringAway extends Error {
  override readonly name = 'MonitoringAway'
}
