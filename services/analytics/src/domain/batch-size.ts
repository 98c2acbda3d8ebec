/**
 * How many clicks a transaction takes: many cost less each, but while one is planned nothing else of the process runs,
 * and until it is committed its partition is locked and nothing is told to the group, which gives up who is silent. So
 * a batch is to take about a second on whatever machine this is, however much else that does: the size doubles after a
 * full batch that was quick, and is halved after one that was slow or failed. Pure: durations are arguments.
 */
export const clicksPerBatchMax = 10_000
/** The first size, and that after long trouble: any machine applies so many in time. */
export const clicksPerBatchAtFirst = 2_500
const clicksPerBatchMin = 250
const quickMs = 500
const slowMs = 1_500

/** Of one consumer, for all its partitions: what makes one slow makes all of them slow. */
export class BatchSize {
  #clicks = clicksPerBatchAtFirst

  get clicksMax(): number {
    return this.#clicks
  }

  applied(clicks: number, tookMs: number): void {
    if (tookMs >= slowMs) this.#shrinkBelow(clicks)
    else if (tookMs <= quickMs && clicks >= this.#clicks) {
      this.#clicks = Math.min(this.#clicks * 2, clicksPerBatchMax)
    }
  }

  failed(clicks: number): void {
    this.#shrinkBelow(clicks)
  }

  /** A small one waited for something else than its own work; several that were under way together are one reason. */
  #shrinkBelow(clicks: number): void {
    if (clicks < this.#clicks / 2) return
    this.#clicks = Math.min(this.#clicks, Math.max(Math.floor(clicks / 2), clicksPerBatchMin))
  }
}
