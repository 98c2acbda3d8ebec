/** When an instance fails, may the same request go to another one? Only if that cannot do a thing twice. */

export type Failure =
  /** No connection came about, so nothing was asked. */
  | { readonly kind: 'refused' }
  /** The request may have arrived; no whole answer came back. */
  | { readonly kind: 'lost' }
  /** As lost, after the deadline. */
  | { readonly kind: 'late' }
  /** It answered that it cannot serve now: 502, 503 or 504. */
  | { readonly kind: 'unavailable' }

export interface Asked {
  readonly method: string
  readonly hasIdempotencyKey: boolean
}

/** GETs repeat freely, creates by their Idempotency-Key; an edit, delete or login is asked once. */
export function isRepeatable(asked: Asked): boolean {
  return asked.method === 'GET' || asked.hasIdempotencyKey
}

export function mayAskNext(asked: Asked, failure: Failure): boolean {
  return failure.kind === 'refused' || isRepeatable(asked)
}

export type Verdict = 'unavailable' | 'deadline-exceeded' | 'outcome-unknown'

/** What the visitor is told once nobody is left to ask. */
export function verdictOf(asked: Asked, failures: readonly Failure[]): Verdict {
  const mayHaveHappened = failures.some((failure) => failure.kind === 'lost' || failure.kind === 'late')
  if (asked.method !== 'GET' && mayHaveHappened) return 'outcome-unknown'
  return failures.at(-1)?.kind === 'late' ? 'deadline-exceeded' : 'unavailable'
}

/** Addresses in the order of asking: the one that answered last comes first, the others follow in a ring. */
export function askingOrder(
  urls: readonly string[],
  firstIndex: number,
  askedMax: number,
): readonly string[] {
  return urls.map((_, offset) => urls[(firstIndex + offset) % urls.length] as string).slice(0, askedMax)
}
