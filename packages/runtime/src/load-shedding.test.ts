import { expect, test } from 'vitest'
import { queueMin, TurnAdmission, WaitingRoom, WaitLimit } from './load-shedding.ts'

/** Runs turns of one length after each other. */
function drive(
  admission: TurnAdmission,
  fromMs: number,
  turnMs: number,
  turns: number,
  requests = queueMin,
): number {
  let nowMs = fromMs
  for (let turn = 0; turn < turns; turn += 1) {
    admission.turnEnded({ arrivedMs: nowMs, endedMs: nowMs + turnMs, requests })
    nowMs += turnMs
  }
  return nowMs
}

test('turns that stay long mean overload', () => {
  const admission = new TurnAdmission(50, 100)
  drive(admission, 0, 60, 1)
  expect(admission.isOverloaded).toBe(false)
  drive(admission, 60, 60, 1)
  expect(admission.isOverloaded).toBe(true)
})

test('one long turn is no overload, nor are long ones with short ones between', () => {
  const admission = new TurnAdmission(50, 100)
  let nowMs = drive(admission, 0, 5_000, 1)
  expect(admission.isOverloaded).toBe(false)
  for (let round = 0; round < 20; round += 1) {
    nowMs = drive(admission, nowMs, 5, 1)
    nowMs = drive(admission, nowMs, 90, 1)
  }
  expect(admission.isOverloaded).toBe(false)
})

test('long turns with no requests or a few are not the fault of requests', () => {
  const admission = new TurnAdmission(50, 100)
  const nowMs = drive(admission, 0, 300, 20, 0)
  drive(admission, nowMs, 300, 20, queueMin - 1)
  expect(admission.isOverloaded).toBe(false)
})

test('it ends when nothing had to be refused for a while', () => {
  const admission = new TurnAdmission(50, 100)
  let nowMs = drive(admission, 0, 60, 3)
  for (let turn = 0; turn < 100; turn += 1) {
    admission.refused()
    nowMs = drive(admission, nowMs, 20, 1)
  }
  expect(admission.isOverloaded).toBe(true)
  nowMs = drive(admission, nowMs, 5, 19)
  expect(admission.isOverloaded).toBe(true)
  drive(admission, nowMs, 5, 2)
  expect(admission.isOverloaded).toBe(false)
})

test('newest are begun first, low priority last, a slice at a time; who waited too long is refused', () => {
  let nowMs = 1_000
  const room = new WaitingRoom(new TurnAdmission(50, 100), 10, () => nowMs)
  const log: string[] = []
  const add = (name: string, priority: 'normal' | 'low') =>
    room.add(priority, {
      arrivedMs: nowMs,
      begin: () => {
        log.push(name)
        nowMs += 4
      },
      refuse: () => log.push(`not ${name}`),
    })
  for (const name of ['x', 'y']) add(name, 'low')
  for (const name of ['a', 'b', 'c', 'd', 'e']) add(name, 'normal')
  room.serve()
  expect(log).toEqual(['e', 'd', 'c'])
  nowMs += 20
  add('z', 'low')
  room.serve()
  expect(log.slice(3), 'the slice ends before the last of low priority').toEqual([
    'b',
    'a',
    'z',
    'not x',
    'not y',
  ])
  expect(room.isEmpty).toBe(true)
  add('f', 'normal')
  nowMs += 100
  room.serve()
  expect(log.at(-1), 'a slice never stays empty').toBe('f')
})

test('a limit of those in flight shrinks while answers are late, and grows back', () => {
  const limit = new WaitLimit({ waitMsMax: 100, inFlightMin: 4, inFlightMax: 100 })
  for (let one = 0; one < 100; one += 1) expect(limit.begin()).toBe(true)
  expect(limit.begin()).toBe(false)
  limit.end(300, 1_000)
  expect(limit.limit).toBe(80)
  limit.end(300, 1_010)
  expect(limit.limit, 'the same queue is punished once').toBe(80)
  for (let one = 0; one < 98; one += 1) limit.end(300, 1_100 + one * 100)
  expect(limit.inFlight).toBe(0)
  expect(limit.limit).toBe(4)
  for (let round = 0; round < 4_000; round += 1) {
    const taken = limit.limit
    for (let one = 0; one < taken; one += 1) limit.begin()
    for (let one = 0; one < taken; one += 1) limit.end(10, 20_000)
  }
  expect(limit.limit).toBe(100)
  expect(limit.inFlight).toBe(0)
})
