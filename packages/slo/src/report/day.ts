/** A UTC day, whole or so far. */

const secondsPerDay = 86_400

export interface Day {
  /** `2026-11-21` */
  readonly name: string
  readonly startSeconds: number
  /** The end of the day, or now while it lasts. */
  readonly endSeconds: number
  readonly isOver: boolean
}

/** `invalid` names what is wrong; the text is for people. */
export type DayAnswer =
  | { readonly kind: 'day'; readonly day: Day }
  | { readonly kind: 'invalid'; readonly detail: string }

/** `text` is YYYY-MM-DD; undefined means today. A day that has not begun for a minute has nothing to tell. */
export function readDay(text: string | undefined, nowSeconds: number): DayAnswer {
  const name = text ?? new Date(nowSeconds * 1000).toISOString().slice(0, 10)
  const startMs = /^\d{4}-\d{2}-\d{2}$/.test(name) ? Date.parse(`${name}T00:00:00Z`) : Number.NaN
  // 2026-02-30 would be read as a day of March.
  if (Number.isNaN(startMs) || new Date(startMs).toISOString().slice(0, 10) !== name)
    return { kind: 'invalid', detail: 'day is a date such as 2026-11-21' }
  const startSeconds = startMs / 1000
  const endSeconds = Math.min(startSeconds + secondsPerDay, Math.floor(nowSeconds))
  if (endSeconds - startSeconds < 60)
    return { kind: 'invalid', detail: `day ${name} has not begun yet (days are those of UTC)` }
  return {
    kind: 'day',
    day: { name, startSeconds, endSeconds, isOver: nowSeconds >= startSeconds + secondsPerDay },
  }
}
