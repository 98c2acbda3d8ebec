/** The first thing seen: how much of today's error budget is left, over all counted services the one with least. */
import type { SloView } from '../api.ts'
import { budget, count, rate, share } from '../format.ts'
import { Contours } from './mark.tsx'

type Mood = 'calm' | 'careful' | 'alarm' | 'unknown'

export function moodOf(left: number | null): Mood {
  if (left === null) return 'unknown'
  return left > 0.5 ? 'calm' : left > 0 ? 'careful' : 'alarm'
}

const sentences: Readonly<Record<Mood, string>> = {
  calm: 'Plenty of room.',
  careful: 'More than half is spent: go gently.',
  alarm: 'The budget is spent.',
  unknown: 'No requests have been counted yet.',
}

/** How far below nothing: 2 of 103 bad requests are 19 times what a 99.9 % objective allows. */
function overspending(left: number | null): string {
  if (left === null || left >= 0) return ''
  const times = 1 - left
  return `, ${rate(times)} times what the promise allows`
}

function allowsNone(total: number, objective: number): boolean {
  return total * (1 - objective) < 1
}

export function BudgetHead({ slo }: { slo: SloView }) {
  const measured = slo.services.filter((service) => service.requests.budgetLeft !== null)
  const worst = measured.reduce<(typeof measured)[number] | null>(
    (least, service) =>
      least === null || (service.requests.budgetLeft ?? 0) < (least.requests.budgetLeft ?? 0)
        ? service
        : least,
    null,
  )
  const left = worst?.requests.budgetLeft ?? null
  const mood = moodOf(left)
  const isToday = slo.source === 'prometheus'
  return (
    <header class={`budget mood-${mood}`}>
      <Contours />
      <h1>{isToday ? 'Error budget left today' : 'Error budget left since the start'}</h1>
      <p class="budget-number" data-testid="slo-budget-left">
        {budget(left)}
      </p>
      <Gauge left={left} />
      <p class="budget-words">
        {sentences[mood]}{' '}
        {worst !== null && (
          <>
            Least is left at <b>{worst.service}</b>: {count(worst.requests.bad)} of{' '}
            {count(worst.requests.total)} requests were bad{overspending(left)}.{' '}
            {allowsNone(worst.requests.total, slo.objective) &&
              'So few requests do not allow a single bad one yet.'}
          </>
        )}
      </p>
      <p class="muted">
        The promise: {share(slo.objective)} of each day’s requests answered without a server error within{' '}
        {slo.thresholdMs} ms.
      </p>
    </header>
  )
}

export function Gauge({ left }: { left: number | null }) {
  const filled = left === null ? 0 : Math.max(0, Math.min(1, left))
  return (
    <div class="gauge" aria-hidden="true">
      <div class="gauge-fill" style={{ width: `${filled * 100}%` }} />
    </div>
  )
}
