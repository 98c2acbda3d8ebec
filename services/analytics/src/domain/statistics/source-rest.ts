/**
 * Leaves alone what failed. After its rest one caller tries it again while the others go on passing it by, so a database
 * that hangs costs one caller one deadline for each rest.
 */
export interface SourceRest<S> {
  /** Whether this caller may ask; each true must be followed by `succeeded` or `failed`. */
  mayAsk(source: S, nowMs: number): boolean
  succeeded(source: S): void
  failed(source: S, nowMs: number): void
}

export function createSourceRest<S>(restMs: number): SourceRest<S> {
  const restingUntilMs = new Map<S, number>()
  return {
    mayAsk(source, nowMs) {
      const untilMs = restingUntilMs.get(source)
      if (untilMs === undefined) return true
      if (nowMs < untilMs) return false
      restingUntilMs.set(source, Number.POSITIVE_INFINITY)
      return true
    },
    succeeded: (source) => void restingUntilMs.delete(source),
    failed: (source, nowMs) => void restingUntilMs.set(source, nowMs + restMs),
  }
}
