/** Numbers and moments for people. Absent numbers are a dash, never a zero. */

export const absent = '–'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compactTick = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 })
const compactWhole = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? absent : whole.format(value)
}

export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent
  return value < 10_000 ? whole.format(value) : compactWhole.format(value)
}

/** Shares near 1 keep their nines: 0.99953 is 99.953 %, never 100 %. */
export function share(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent
  if (value === 1) return '100 %'
  const percent = value * 100
  const digits = percent > 99 ? 3 : percent > 90 ? 2 : 1
  const factor = 10 ** digits
  return `${Math.floor(percent * factor) / factor} %`
}

/** What is left of a budget: one digit is as fine as it can be read, never rounded up. Overspent is 0 % left. */
export function budget(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent
  const percent = Math.max(0, Math.floor(value * 1000) / 10)
  return `${percent >= 100 ? whole.format(percent) : percent.toFixed(percent === 0 ? 0 : 1)} %`
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent
  if (value >= 1000) return `${(value / 1000).toFixed(value >= 10_000 ? 0 : 2)} s`
  return `${value < 10 ? value.toFixed(1) : whole.format(value)} ms`
}

export function rate(value: number | null | undefined): string {
  if (value === null || value === undefined) return absent
  return value >= 100 ? whole.format(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** A number beside an axis: no more digits than it needs. */
export function tick(value: number | null): string {
  return value === null ? '' : compactTick.format(value)
}

export function millisecondsTick(value: number | null): string {
  if (value === null) return ''
  return value >= 1000 ? `${tick(value / 1000)} s` : `${tick(value)} ms`
}

export function bytes(value: number | null | undefined): string {
  return value === null || value === undefined ? absent : `${whole.format(value / 1024 / 1024)} MiB`
}

export function lasting(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000)
  if (minutes < 1) return `${Math.max(0, Math.floor(milliseconds / 1000))} s`
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`
}

/** How long ago, in its largest unit. */
export function ago(moment: string, nowMs: number = Date.now()): string {
  const milliseconds = nowMs - Date.parse(moment)
  if (Number.isNaN(milliseconds)) return absent
  const minutes = Math.round(milliseconds / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`
}

export function dateTime(moment: string): string {
  const date = new Date(moment)
  return Number.isNaN(date.getTime())
    ? absent
    : date.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
}

/** A day of UTC, without its time. */
export function day(moment: string): string {
  const date = new Date(moment)
  return Number.isNaN(date.getTime())
    ? absent
    : date.toLocaleDateString('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
}

export function clock(moment: string): string {
  const date = new Date(moment)
  return Number.isNaN(date.getTime()) ? absent : date.toLocaleTimeString('en-GB')
}

/** `lnk.example/abc` of `https://lnk.example/abc`: what people read aloud. */
export function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

/** What an <input type="datetime-local"> holds, in the visitor's own time zone. */
export function localInputOf(moment: string | null | undefined): string {
  if (moment === null || moment === undefined) return ''
  const date = new Date(moment)
  if (Number.isNaN(date.getTime())) return ''
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function tagsOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split(',')
        .map((tag) => tag.trim())
        .filter((tag) => tag !== ''),
    ),
  ]
}
