/** The first rule in simulated time: an event loop whose every step costs what it says, and visitors who never slow down. */
import { expect, test } from 'vitest'
import { sliceMsOf, TurnAdmission, WaitingRoom } from './load-shedding.ts'

/** A thousand answers a second; to refuse costs a sixth of an answer, its reading included. */
const readMs = 0.1
const answerMs = 0.9
const refuseMs = 0.05
const capacityPerMs = 1 / (readMs + answerMs)

interface Outcome {
  readonly servedMs: number[]
  readonly refusedMs: number[]
}

/** Visitors at `times` the capacity for `forMs`, then none; what those waited who came after `fromMs`, when it has set in. */
function simulate(times: number, forMs: number, fromMs: number, turnMsMax = 150): Outcome {
  let nowMs = 0
  const admission = new TurnAdmission(turnMsMax)
  const room = new WaitingRoom(admission, sliceMsOf(turnMsMax), () => nowMs)
  const outcome: Outcome = { servedMs: [], refusedMs: [] }
  const betweenMs = 1 / (capacityPerMs * times)
  let nextMs = 0
  const tell = (waits: number[], arrivedMs: number) => {
    if (arrivedMs >= fromMs) waits.push(nowMs - arrivedMs)
  }
  while (nextMs < forMs || !room.isEmpty) {
    nowMs = Math.max(nowMs, room.isEmpty ? nextMs : nowMs)
    // What a poll brings may be read long after it came, and a process knows only when it polled.
    const polledMs = nowMs
    const come: number[] = []
    for (; nextMs <= polledMs && nextMs < forMs; nextMs += betweenMs) come.push(nextMs)
    const earliestMs = come[0] ?? polledMs
    for (const arrivedMs of come) {
      nowMs += readMs
      const begin = () => {
        nowMs += answerMs
        tell(outcome.servedMs, arrivedMs)
      }
      const refuse = () => {
        nowMs += refuseMs
        tell(outcome.refusedMs, arrivedMs)
      }
      if (!admission.isOverloaded && room.isEmpty) begin()
      else room.add('normal', { arrivedMs: earliestMs, begin, refuse })
    }
    if (!room.isEmpty) room.serve()
    admission.turnEnded({ arrivedMs: earliestMs, endedMs: nowMs, requests: come.length })
  }
  return outcome
}

const percentile = (waits: readonly number[], part: number) =>
  waits.toSorted((a, b) => a - b)[Math.floor(waits.length * part)] ?? 0

test('below the capacity nobody is refused', () => {
  const { servedMs, refusedMs } = simulate(0.9, 20_000, 0)
  expect(refusedMs).toEqual([])
  expect(percentile(servedMs, 1 - 1e-9)).toBeLessThan(10)
})

test.each([1.2, 2, 3, 4])(
  'at %s times the capacity who is served is served in time, and most of the capacity serves',
  (times) => {
    const { servedMs, refusedMs } = simulate(times, 60_000, 5_000)
    expect(percentile(servedMs, 0.999)).toBeLessThanOrEqual(200)
    expect(percentile(refusedMs, 0.999)).toBeLessThanOrEqual(300)
    // What is left when all have been read, and the rest refused.
    const left = 1 - times * capacityPerMs * readMs - (times - 1) * capacityPerMs * refuseMs
    expect(servedMs.length / 55_000 / capacityPerMs).toBeGreaterThan(0.9 * left)
  },
)

test('without it everybody is late soon', () => {
  const { servedMs } = simulate(1.2, 60_000, 2_000, Number.MAX_VALUE)
  expect(Math.min(...servedMs)).toBeGreaterThan(200)
})
